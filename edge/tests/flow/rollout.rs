//! Services with the right to do so change the rollout without a deployment.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop; clippy does not see that this file is one"
)]

use shared::autopilot::{Session, Subject};
use shared::routing::Side;

use crate::support::{ADMIN_KEY, Answered, Edge, SERVICE_KEY, legacy_token_saying};
use crate::{IN_COHORT, LOGIN, NOT_IN_COHORT, half};

const PATH: &str = "https://edge/v1/rollout";

fn put(edge: &Edge, change: &str, version: u64) -> Answered {
    // The clock of these tests shows a moment in 2026.
    let expires_at = "2026-12-24T00:00:00Z";
    let body =
        format!(r#"{{{change}"reason":"a test","expires_at":"{expires_at}","expected_version":{version}}}"#);
    edge.handle(&format!("PUT\n{PATH}\nx-service-key:{ADMIN_KEY}"), &body)
}

fn get(edge: &Edge) -> serde_json::Value {
    let reply = edge.handle(&format!("GET\n{PATH}\nx-service-key:{ADMIN_KEY}"), "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str::<serde_json::Value>(&reply.body).unwrap()["data"].take()
}

fn route(edge: &Edge, body: &str) -> (&'static str, &'static str) {
    let reply = edge.handle(LOGIN, body);
    (reply.route, reply.reason)
}

#[test]
fn override_moves_sign_ins_until_it_expires() {
    let edge = half();
    edge.set("2026-12-01T00:00:00Z");
    assert_eq!(route(&edge, NOT_IN_COHORT), ("legacy", "not_in_cohort"));
    let changed = put(&edge, r#""percent":100,"#, 0);
    assert_eq!(changed.status, 200, "{}", changed.body);
    assert_eq!(route(&edge, NOT_IN_COHORT), ("v2", "in_cohort"));
    let shown = get(&edge);
    assert_eq!(shown["base"]["percent"], "50");
    assert_eq!(shown["effective"]["percent"], "100");
    assert_eq!(shown["override"]["author"], "ops");
    edge.set("2026-12-24T00:00:00Z");
    assert_eq!(route(&edge, NOT_IN_COHORT), ("legacy", "not_in_cohort"));
    assert!(get(&edge)["override"].is_null());
}

#[test]
fn kill_switch_is_thrown_without_a_deployment() {
    let edge = half();
    edge.set("2026-12-01T00:00:00Z");
    assert_eq!(put(&edge, r#""percent":50,"#, 0).status, 200);
    assert_eq!(route(&edge, IN_COHORT), ("v2", "in_cohort"));
    let throw = r#"{"kill_switch":true,"reason":"sign-ins fail"}"#;
    let thrown = edge.handle(&format!("PUT\n{PATH}\nx-service-key:{ADMIN_KEY}"), throw);
    assert_eq!(thrown.status, 200, "{}", thrown.body);
    assert_eq!(route(&edge, IN_COHORT), ("legacy", "kill_switch"));
    assert_eq!(put(&edge, "", 2).status, 200);
    assert_eq!(route(&edge, IN_COHORT), ("v2", "in_cohort"));
}

#[test]
fn only_an_admin_service_reads_or_changes_the_rollout() {
    let edge = half();
    edge.set("2026-12-01T00:00:00Z");
    for key in [
        String::new(),
        format!("\nx-service-key:{SERVICE_KEY}"),
        "\nx-service-key:guess".to_owned(),
    ] {
        for method in ["GET", "PUT"] {
            let reply = edge.handle(&format!("{method}\n{PATH}{key}"), "{}");
            assert_eq!(
                (reply.status, reply.code),
                (403, Some("FORBIDDEN")),
                "{method} {key}"
            );
        }
    }
    assert!(edge.sent().is_empty());
}

#[test]
fn change_that_breaks_a_rule_changes_nothing() {
    let edge = half();
    edge.set("2026-12-01T00:00:00Z");
    for (change, version, status, code) in [
        (r#""percent":101,"#, 0, 400, "VALIDATION_ERROR"),
        (r#""percentage":1,"#, 0, 400, "VALIDATION_ERROR"),
        (r#""force_v2":["a,b"],"#, 0, 400, "VALIDATION_ERROR"),
        (r#""percent":1,"#, 7, 409, "VERSION_CONFLICT"),
    ] {
        let reply = put(&edge, change, version);
        assert_eq!(
            (reply.status, reply.code),
            (status, Some(code)),
            "{change}: {}",
            reply.body
        );
    }
    edge.set("2027-01-01T00:00:00Z");
    assert_eq!(put(&edge, r#""percent":1,"#, 0).status, 400, "expired");
    assert_eq!(get(&edge)["version"], 0);
}

#[test]
fn autopilot_sees_sign_ins_that_the_percentage_decided_about_and_no_others() {
    let variables = [
        ("ROLLOUT_PERCENT", "50"),
        ("ROLLOUT_AUTOPILOT", "on"),
        ("ROLLOUT_FORCE_V2", "@forced.example"),
    ];
    let edge = Edge::with(&variables);
    edge.side("http://origin", 401);
    let from = |address: &str, request: &str| format!("{request}\ncf-connecting-ip:{address}");
    edge.handle(&from("10.0.0.1", LOGIN), IN_COHORT);
    edge.handle(&from("10.0.0.1", LOGIN), IN_COHORT);
    edge.handle(&from("10.0.0.2", LOGIN), NOT_IN_COHORT);
    // No lists, no reads, no password mails.
    edge.handle(&from("10.0.0.3", LOGIN), r#"{"email":"a@forced.example"}"#);
    edge.handle(&from("10.0.0.4", "GET\nhttps://edge/auth/profile"), "");
    edge.handle(
        &from(
            "10.0.0.5",
            "POST\nhttps://edge/auth/forgot-password\ncontent-type:application/json",
        ),
        IN_COHORT,
    );
    let seen: Vec<_> = edge
        .tallies()
        .sightings
        .iter()
        .map(|sighting| (sighting.subject, sighting.wrong_password, sighting.failed))
        .collect();
    let sign_in = |side| Subject::SignIn(side);
    assert_eq!(
        seen,
        [
            (sign_in(Side::V2), true, false),
            (sign_in(Side::Legacy), false, false)
        ]
    );

    let off = half();
    off.handle(&from("10.0.0.1", LOGIN), IN_COHORT);
    assert_eq!(off.tallies().sightings.iter().count(), 0);
}

#[test]
fn autopilot_ties_calls_to_the_sign_in_of_their_session() {
    let edge = Edge::with(&[("ROLLOUT_PERCENT", "50"), ("ROLLOUT_AUTOPILOT", "on")]);
    edge.side("http://origin", 401);
    // Who is refused has no session.
    edge.handle(LOGIN, IN_COHORT);
    edge.handle(LOGIN, NOT_IN_COHORT);
    let claims = serde_json::json!({ "email": "ZOE@example.com", "type": "user" });
    let token = legacy_token_saying(&edge, "7a8e2e0c-3b1f-4a54-9d0e-2f9f1c6b7a10", &claims);
    let call = format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}");
    // Soon; too late and too early; after an hour; long after.
    for pass in [0, 1, 1_200, 3_000, 3_000] {
        edge.pass(pass);
        edge.handle(&call, "");
    }
    let seen: Vec<_> = edge.tallies().sightings.sessions.iter().collect();
    let [Session::Began { user, side, .. }, first, last] = *seen else {
        panic!("{seen:?}")
    };
    assert_eq!(side, Side::Legacy);
    assert_eq!(first, Session::Used { user, age: 0 });
    assert_eq!(last, Session::Used { user, age: 4_201 });
}

#[test]
fn last_resort_is_asked_while_a_probe_is_out() {
    let edge = half();
    edge.side("http://origin", 0);
    edge.handle_by(20, LOGIN, IN_COHORT);
    assert!(edge.open_breakers().contains(&"origin".to_owned()));
    // v2 is back, and the first request after the pause finds out. The legacy service fails meanwhile.
    edge.side("http://origin", 200);
    edge.side("http://legacy", 503);
    let sign_in = || {
        edge.handle(&format!("{LOGIN}\ncf-connecting-ip:10.0.1.1"), NOT_IN_COHORT)
            .status
    };
    assert_eq!(sign_in(), 503, "v2 is left alone");
    edge.pass(2);
    edge.probe_v2();
    assert_eq!(sign_in(), 200, "nobody else can serve them");
}
