//! The rollout is changed without a deployment, by those who may.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop; clippy does not see that this file is one"
)]

use super::support::{ADMIN_KEY, Answered, Edge, SERVICE_KEY};
use super::{IN_COHORT, LOGIN, NOT_IN_COHORT, half};

const PATH: &str = "https://edge/v1/rollout";

fn put(edge: &Edge, change: &str, version: u64) -> Answered {
    // The clock of these tests stands in 2026.
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
    assert_eq!(route(&edge, IN_COHORT), ("v2", "in_cohort"));
    assert_eq!(put(&edge, r#""kill_switch":true,"#, 0).status, 200);
    assert_eq!(route(&edge, IN_COHORT), ("legacy", "kill_switch"));
    assert_eq!(put(&edge, "", 1).status, 200);
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
