//! The edge's decisions, over stand-ins for the ports. The ports themselves are tested in the real runtime.

#[path = "flow/addresses.rs"]
mod addresses;
#[path = "flow/blame.rs"]
mod blame;
#[path = "flow/limits.rs"]
mod limits;
#[path = "flow/rollout.rs"]
mod rollout;
#[path = "flow/second_factor.rs"]
mod second_factor;
#[path = "flow/spellings.rs"]
mod spellings;
#[path = "flow/standing.rs"]
mod standing;
#[path = "flow/strict.rs"]
mod strict;
mod support;
#[path = "flow/translation.rs"]
mod translation;

use support::{Edge, Sent, emulator_cookie, emulator_token, legacy_token};

const LOGIN: &str = "POST\nhttps://edge/auth/login\ncontent-type:application/json";
const IN_COHORT: &str = r#"{"email":"person-1@example.com","password":"x"}"#;
const NOT_IN_COHORT: &str = r#"{"email":"zoe@example.com","password":"x"}"#;

fn half() -> Edge {
    Edge::with(&[("ROLLOUT_PERCENT", "50")])
}

#[test]
fn forged_identities_are_removed_on_every_path() {
    let forged = "x_user_id:1\nx-user-type:admin\nx-auth-token-kind:legacy\nx-internal-service:true\n\
                  x_crossfade_assertion:a.b.c\nx-service-key:guess\nforwarded:for=1\nx-real-ip:1\nx-forwarded-for:1";
    for path in [
        "/v1/auth/login",
        "/auth/login",
        "/auth/schools",
        "/api/archive/x",
        "/api/open/x",
    ] {
        let edge = half();
        let token = emulator_token(&edge, "person-1", "ann@example.com");
        edge.answers("/v1/auth/me", 200, ME);
        edge.handle(
            &format!("GET\nhttps://edge{path}\n{forged}\nauthorization:Bearer {token}"),
            "",
        );
        let sent = edge.last_sent();
        for name in [
            "x_user_id",
            "x-internal-service",
            "x_crossfade_assertion",
            "x-service-key",
            "forwarded",
            "x-real-ip",
            "x-forwarded-for",
        ] {
            assert!(sent.removes(name), "{path} {name}");
        }
        let own = sent.header("x-user-type");
        assert!(own.is_none() || own == Some("moderator"), "{path}: {own:?}");
    }
}

const ME: &str = r#"{"success":true,"data":{"user":{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "email":"ann@example.com","email_verified":true,"user_type":"moderator","token_balance":3}}}"#;

#[test]
fn app_services_get_the_caller_from_the_origin() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    let token = emulator_token(&edge, "person-1", "other@example.com");
    let request = format!("GET\nhttps://edge/api/archive/jobs?page=2\nauthorization:Bearer {token}");
    edge.handle(&request, "");
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://archive/api/archive/jobs?page=2");
    assert_eq!(
        sent.header("x-user-id"),
        Some("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    );
    assert_eq!(sent.header("x-user-type"), Some("moderator"));
    assert_eq!(sent.header("x-user-email"), Some("ann@example.com"));
    assert_eq!(sent.header("x-auth-token-kind"), Some("firebase"));
    assert!(sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_some());
    // Asked once in 30 s.
    edge.handle(&request, "");
    assert_eq!(edge.asked("/v1/auth/me"), 1);
    edge.pass(30);
    edge.handle(&request, "");
    assert_eq!(edge.asked("/v1/auth/me"), 2);
}

fn no_changes(cursor: &str) -> String {
    format!(r#"{{"success":true,"data":{{"cursor":"{cursor}","reset":false,"people":[]}}}}"#)
}

const NEW_FEED: &str = r#"{"success":true,"data":{"cursor":"77.1.1","reset":true,"people":[]}}"#;
const SOMEBODY: &str = r#"{"success":true,"data":{"cursor":"77.1.3","reset":false,"people":[
    {"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","firebase_uid":"person-1","is_active":false,"valid_since":1795000000}]}}"#;

#[test]
fn late_replica_does_not_bring_a_deactivated_user_back() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    edge.answers("/v1/changes", 200, NEW_FEED);
    edge.answers("?since=77.1.1", 200, SOMEBODY);
    edge.answers("?since=77.1.3", 200, &no_changes("77.1.3"));
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let request = format!("GET\nhttps://edge/api/archive/jobs\nauthorization:Bearer {token}");
    edge.handle(&request, "");
    edge.pass(5);
    // The feed has just named this user, and the origin's replica does not know of the change yet.
    assert_eq!(edge.handle(&request, "").status, 200);
    edge.answers("/v1/auth/me", 403, "{}");
    edge.pass(8);
    assert_eq!(edge.handle(&request, "").code, Some("USER_DISABLED"));
}

#[test]
fn deactivated_user_is_refused_within_ten_seconds_with_few_lookups() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    edge.answers("/v1/changes", 200, NEW_FEED);
    edge.answers("?since=77.1.1", 200, &no_changes("77.1.2"));
    edge.answers("?since=77.1.2", 200, &no_changes("77.1.2"));
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let request = format!("GET\nhttps://edge/api/archive/jobs\nauthorization:Bearer {token}");
    // A minute of requests, two a second: one look-up, one more because the first may have come from a replica that did not know changes
    // from before the feed began, and a question for changes every five seconds.
    for _ in 0..60 {
        assert_eq!(edge.handle(&request, "").status, 200);
        assert_eq!(edge.handle(&request, "").status, 200);
        edge.pass(1);
    }
    assert_eq!(edge.asked("/v1/auth/me"), 2);
    let questions = edge
        .sent()
        .iter()
        .filter(|sent| sent.url.contains("/v1/changes"))
        .count();
    assert_eq!(questions, 12);

    edge.answers("?since=77.1.2", 200, SOMEBODY);
    edge.answers("/v1/auth/me", 403, "{}");
    let mut seconds = 0;
    while edge.handle(&request, "").code != Some("USER_DISABLED") {
        edge.pass(1);
        seconds += 1;
        assert!(seconds <= 10, "still served after {seconds} s");
    }
}

#[test]
fn without_the_feed_records_count_for_less_than_ten_seconds() {
    for (status, body) in [(404, "{}"), (200, "nonsense"), (503, "{}")] {
        let edge = half();
        edge.answers("/v1/auth/me", 200, ME);
        edge.answers("/v1/changes", status, body);
        let token = emulator_token(&edge, "person-1", "ann@example.com");
        let request = format!("GET\nhttps://edge/api/archive/jobs\nauthorization:Bearer {token}");
        // The origin's answer may be two seconds old.
        for _ in 0..16 {
            assert_eq!(edge.handle(&request, "").status, 200);
            edge.pass(1);
        }
        assert_eq!(edge.asked("/v1/auth/me"), 2, "{status}");
    }
}

#[test]
fn feed_needs_an_assertion_that_no_caller_can_get() {
    let edge = half();
    edge.answers("/v1/auth/me", 200, ME);
    edge.answers("/v1/changes", 200, NEW_FEED);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    edge.handle(
        &format!("GET\nhttps://edge/api/archive/x\nauthorization:Bearer {token}"),
        "",
    );
    edge.handle("GET\nhttps://edge/v1/changes", "");
    let audiences: Vec<String> = edge
        .sent()
        .iter()
        .filter(|sent| sent.url.ends_with("/v1/changes"))
        .map(|sent| {
            let sealed = sent.header("x-crossfade-assertion").unwrap();
            let claims = shared::base64url::decode(sealed.split('.').nth(1).unwrap().as_bytes()).unwrap();
            let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
            claims["aud"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(audiences, ["origin-feed", "origin"]);
}

#[test]
fn deactivated_user_reaches_no_app_service() {
    for (status, code) in [
        (401, "TOKEN_REVOKED"),
        (403, "USER_DISABLED"),
        (404, "USER_NOT_FOUND"),
        (503, "UPSTREAM_UNAVAILABLE"),
    ] {
        let edge = half();
        edge.answers("/v1/auth/me", status, "{}");
        let token = emulator_token(&edge, "person-1", "a@example.com");
        let reply = edge.handle(
            &format!("GET\nhttps://edge/api/archive/x\nauthorization:Bearer {token}"),
            "",
        );
        assert_eq!(reply.code, Some(code));
        assert!(edge.sent().iter().all(|sent| !sent.url.contains("archive")));
    }
}

#[test]
fn service_with_auth_none_gets_the_token_unread() {
    let edge = half();
    edge.handle("GET\nhttps://edge/api/open/x\nauthorization:Bearer nonsense", "");
    assert!(!edge.last_sent().removes("authorization"));
    let reply = edge.handle("GET\nhttps://edge/api/archive/x", "");
    assert_eq!(reply.code, Some("TOKEN_MISSING"));
    let reply = edge.handle("GET\nhttps://edge/api/nothing/x", "");
    assert_eq!(reply.code, Some("NOT_FOUND"));
}

#[test]
fn the_origin_gets_the_assertion_and_the_legacy_service_the_token() {
    let edge = half();
    let firebase = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/api/auth/profile\nauthorization:Bearer {firebase}"),
        "",
    );
    assert_eq!((reply.route, reply.reason), ("v2", "token_issuer"));
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://origin/auth/profile");
    assert!(sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_some());

    let legacy = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {legacy}"),
        "",
    );
    assert_eq!((reply.route, reply.reason), ("legacy", "token_issuer"));
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://legacy/auth/profile");
    assert!(!sent.removes("authorization"));
    assert!(sent.header("x-crossfade-assertion").is_none());
}

#[test]
fn stale_token_does_not_stop_a_sign_in() {
    let edge = half();
    for path in [
        "/v1/auth/login",
        "/v1/auth/refresh",
        "/auth/login",
        "/auth/register",
    ] {
        let reply = edge.handle(
            &format!("POST\nhttps://edge{path}\nauthorization:Bearer expired.or.broken"),
            IN_COHORT,
        );
        assert_eq!(reply.status, 200, "{path}");
        assert!(edge.last_sent().removes("authorization"), "{path}");
    }
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me\nauthorization:Bearer broken", "");
    assert_eq!((reply.status, reply.route), (401, "edge"));
}

#[test]
fn only_a_known_service_key_is_forwarded() {
    let edge = half();
    let put = |key: &str| {
        format!("PUT\nhttps://edge/auth/token-balance\nx-service-key:{key}\nx-internal-service:true")
    };
    edge.handle(&put(support::SERVICE_KEY), "{}");
    let sent = edge.last_sent();
    assert_eq!(sent.header("x-service-key"), Some(support::SERVICE_KEY));
    assert_eq!(sent.header("x-internal-service"), Some("true"));
    edge.handle(&put("0123456789abcdef0123456789abcdeX"), "{}");
    let sent = edge.last_sent();
    assert!(sent.removes("x-service-key"));
    assert!(sent.removes("x-internal-service"));
}

#[test]
fn only_our_services_register_batches() {
    let edge = half();
    let batch = "POST\nhttps://edge/api/auth/register/batch";
    let reply = edge.handle(batch, "{}");
    assert_eq!((reply.status, reply.reason), (403, "service_key_missing"));
    assert!(edge.sent().is_empty());
    let reply = edge.handle(&format!("{batch}\nx-service-key:{}", support::SERVICE_KEY), "{}");
    assert_eq!(reply.status, 200);
}

#[test]
fn address_in_the_body_routes_a_sign_in() {
    let edge = half();
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!((reply.route, reply.reason), ("v2", "in_cohort"));
    let reply = edge.handle(LOGIN, NOT_IN_COHORT);
    assert_eq!((reply.route, reply.reason), ("legacy", "not_in_cohort"));
    let reply = edge.handle(LOGIN, "not json");
    assert_eq!((reply.route, reply.reason), ("legacy", "unidentified"));
    let too_long = format!(
        r#"{{"email":"person-1@example.com","password":"{}"}}"#,
        "x".repeat(17_000)
    );
    let reply = edge.handle(LOGIN, &too_long);
    assert_eq!((reply.route, reply.reason), ("legacy", "unidentified"));
}

#[test]
fn a_token_in_a_body_goes_to_its_issuer() {
    let edge = half();
    let verify = "POST\nhttps://edge/auth/verify-token\ncontent-type:application/json";
    let firebase = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(verify, &format!(r#"{{"token":"{firebase}"}}"#));
    assert_eq!(reply.route, "v2");
    let legacy = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let reply = edge.handle(verify, &format!(r#"{{"token":"{legacy}"}}"#));
    assert_eq!(reply.route, "legacy");
}

/// The table of which sides are asked, and which answer counts.
#[test]
fn sign_ins_survive_one_failing_side() {
    // (body, v2's status, legacy's status) → (status, route, reason); 0 = unreachable.
    for (body, v2, legacy, status, route, reason) in [
        (IN_COHORT, 200, 200, 200, "v2", "in_cohort"),
        (IN_COHORT, 401, 200, 401, "v2", "in_cohort"),
        (IN_COHORT, 404, 200, 200, "legacy", "fallback_unknown_there"),
        (IN_COHORT, 404, 401, 401, "legacy", "fallback_unknown_there"),
        (IN_COHORT, 404, 404, 404, "v2", "in_cohort"),
        // A stranger has registered the user's address at Firebase.
        (IN_COHORT, 409, 200, 200, "legacy", "fallback_conflict_there"),
        (IN_COHORT, 409, 404, 409, "v2", "in_cohort"),
        (IN_COHORT, 503, 200, 200, "legacy", "fallback_server_error"),
        (IN_COHORT, 0, 200, 200, "legacy", "fallback_unreachable"),
        (IN_COHORT, 503, 404, 503, "v2", "in_cohort"),
        (IN_COHORT, 0, 0, 503, "edge", "upstream_unreachable"),
        (NOT_IN_COHORT, 200, 200, 200, "legacy", "not_in_cohort"),
        (NOT_IN_COHORT, 200, 401, 401, "legacy", "not_in_cohort"),
        (NOT_IN_COHORT, 200, 404, 200, "v2", "fallback_unknown_there"),
        (NOT_IN_COHORT, 200, 500, 200, "v2", "fallback_server_error"),
        (NOT_IN_COHORT, 200, 0, 200, "v2", "fallback_unreachable"),
        (NOT_IN_COHORT, 503, 404, 503, "v2", "fallback_unknown_there"),
        (NOT_IN_COHORT, 0, 404, 503, "edge", "upstream_unreachable"),
        // Legacy fails on a user without a hash: the side that knows the user is away, and that counts.
        (NOT_IN_COHORT, 0, 500, 503, "edge", "upstream_unreachable"),
        (NOT_IN_COHORT, 503, 500, 503, "v2", "fallback_server_error"),
        (NOT_IN_COHORT, 500, 500, 500, "legacy", "not_in_cohort"),
    ] {
        let edge = half();
        edge.side("http://origin", v2);
        edge.side("http://legacy", legacy);
        let reply = edge.handle(LOGIN, body);
        assert_eq!(
            (reply.status, reply.route, reply.reason),
            (status, route, reason),
            "v2 {v2}, legacy {legacy}, {body}"
        );
    }
}

#[test]
fn a_registration_is_never_sent_twice() {
    for status in [0, 500, 503] {
        let edge = half();
        edge.side("http://origin", status);
        edge.handle("POST\nhttps://edge/auth/register", IN_COHORT);
        assert_eq!(edge.sent().len(), 1);
    }
}

#[test]
fn a_firebase_token_stays_with_v2_even_when_v2_is_down() {
    let edge = half();
    edge.side("http://origin", 0);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "",
    );
    assert_eq!((reply.status, reply.code), (503, Some("UPSTREAM_UNAVAILABLE")));
    assert!(
        edge.sent()
            .iter()
            .all(|sent| sent.url.starts_with("http://origin"))
    );
}

#[test]
fn a_legacy_token_is_read_by_v2_when_legacy_is_down_but_writes_wait() {
    let edge = half();
    edge.side("http://legacy", 0);
    let token = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "",
    );
    assert_eq!((reply.status, reply.route), (200, "v2"));
    let reply = edge.handle(
        &format!("PUT\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "{}",
    );
    assert_eq!(reply.status, 503);
}

/// The legacy service calls every token bad while it has no database.
#[test]
fn legacy_service_alone_signs_nobody_out() {
    const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    // (v2's status, or 0 = unreachable) → status of a read, of a write.
    for (v2, read, write) in [
        (200, 200, 503),
        (503, 503, 503),
        (0, 503, 503),
        (401, 401, 401),
        (403, 403, 403),
    ] {
        let edge = half();
        edge.side("http://legacy", 401);
        edge.side("http://origin", v2);
        if v2 > 0 {
            edge.answers("/v1/auth/me", v2, ME);
        }
        let token = legacy_token(&edge, ID);
        for (method, expected) in [("GET", read), ("PUT", write)] {
            let request = format!("{method}\nhttps://edge/auth/profile\nauthorization:Bearer {token}");
            let reply = edge.handle(&request, "{}");
            assert_eq!(reply.status, expected, "{method}, v2 {v2}");
        }
        let writes = edge.sent();
        let repeated = writes
            .iter()
            .filter(|sent| sent.url == "http://origin/auth/profile");
        // The edge does not forward a user that v2 refuses.
        let expected = usize::from(!matches!(v2, 401 | 403));
        assert_eq!(repeated.count(), expected, "only the read was repeated");
    }
    // A bad token, and a write for which a service proves itself, are refused without asking.
    let edge = half();
    edge.side("http://legacy", 401);
    let token = legacy_token(&edge, ID);
    let balance = format!("PUT\nhttps://edge/auth/token-balance\nauthorization:Bearer {token}");
    assert_eq!(edge.handle(&balance, "{}").status, 401);
    assert_eq!(edge.handle("GET\nhttps://edge/auth/profile", "").status, 401);
    assert!(
        edge.sent()
            .iter()
            .all(|sent| sent.url.starts_with("http://legacy"))
    );
}

#[test]
fn bad_verdict_is_checked_only_for_a_good_token() {
    const VERIFY: &str = "POST\nhttps://edge/auth/verify-token\ncontent-type:application/json";
    const DENIED: &str = r#"{"success":true,"data":{"valid":false,"error":"Authentication failed"}}"#;
    for (said, v2, status, route, reason) in [
        (DENIED, 200, 200, "v2", "fallback_denied_there"),
        (DENIED, 503, 503, "v2", "fallback_denied_there"),
        (
            r#"{"success":true,"data":{"valid":true}}"#,
            200,
            200,
            "legacy",
            "token_issuer",
        ),
        ("not JSON", 200, 200, "legacy", "token_issuer"),
    ] {
        let edge = half();
        edge.says(said);
        edge.side("http://origin", v2);
        let token = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        let reply = edge.handle(VERIFY, &format!(r#"{{"token":"{token}"}}"#));
        assert_eq!(
            (reply.status, reply.route, reply.reason),
            (status, route, reason),
            "{said}"
        );
        // The same token, a week and a minute later.
        edge.pass(605_000);
        let reply = edge.handle(VERIFY, &format!(r#"{{"token":"{token}"}}"#));
        assert_eq!((reply.status, reply.route), (200, "legacy"), "expired: {said}");
    }
}

#[test]
fn open_breaker_refuses_and_closes_by_itself() {
    let edge = half();
    edge.side("http://origin", 0);
    edge.handle_by(5, "GET\nhttps://edge/v1/auth/me", "");
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me", "");
    assert_eq!(reply.reason, "breaker_open");
    assert_eq!(edge.sent().len(), 5);
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!((reply.status, reply.reason), (200, "fallback_breaker_open"));
    edge.side("http://origin", 200);
    edge.pass(2);
    let reply = edge.handle("GET\nhttps://edge/v1/auth/me", "");
    assert_eq!((reply.status, reply.route), (200, "v2"));
}

#[test]
fn origin_answers_everything_without_a_legacy_service() {
    let edge = Edge::with(&[("LEGACY_AUTH_URL", ""), ("ROLLOUT_KILL_SWITCH", "on")]);
    for request in [
        LOGIN,
        "POST\nhttps://edge/auth/register",
        "GET\nhttps://edge/auth/schools",
    ] {
        let reply = edge.handle(request, NOT_IN_COHORT);
        assert_eq!((reply.route, reply.reason), ("v2", "no_legacy_service"));
    }
    edge.side("http://origin", 404);
    assert_eq!(edge.handle(LOGIN, NOT_IN_COHORT).status, 404);
}

#[test]
fn every_request_is_named_and_traced() {
    let edge = half();
    edge.handle(
        "GET\nhttps://edge/v1/auth/me\nx-request-id:mine-1\n\
         traceparent:00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "",
    );
    let sent: Sent = edge.last_sent();
    assert_eq!(sent.header("x-request-id"), Some("mine-1"));
    let traceparent = sent.header("traceparent").unwrap();
    assert!(traceparent.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert!(!traceparent.contains("00f067aa0ba902b7"));
}

#[test]
fn stepped_down_sign_ins_go_back_and_find_every_user() {
    let edge = half();
    edge.step_down(true);
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!((reply.route, reply.reason), ("legacy", "stepped_down"));
    // The edge finds a user known only to v2 there, in the same request.
    edge.side("http://legacy", 404);
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!(
        (reply.status, reply.route, reply.reason),
        (200, "v2", "fallback_unknown_there")
    );
    // While v2 is down too, "unknown" would be wrong.
    edge.side("http://origin", 503);
    assert_eq!(edge.handle(LOGIN, IN_COHORT).status, 503);
    // A Firebase token stays with the side that can read it.
    edge.side("http://origin", 200);
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let reply = edge.handle(
        &format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {token}"),
        "",
    );
    assert_eq!((reply.route, reply.reason), ("v2", "token_issuer"));
    edge.side("http://legacy", 200);
    edge.step_down(false);
    assert_eq!(edge.handle(LOGIN, IN_COHORT).route, "v2");
}

#[test]
fn the_kill_switch_outranks_the_step_down() {
    let edge = Edge::with(&[("ROLLOUT_PERCENT", "50"), ("ROLLOUT_KILL_SWITCH", "on")]);
    edge.step_down(true);
    let reply = edge.handle(LOGIN, IN_COHORT);
    assert_eq!((reply.route, reply.reason), ("legacy", "kill_switch"));
}

#[test]
fn attempts_at_both_sides_are_counted_and_app_services_are_not() {
    let edge = half();
    edge.side("http://origin", 500);
    edge.handle(LOGIN, IN_COHORT);
    edge.handle("GET\nhttps://edge/v1/auth/me", "");
    edge.handle("GET\nhttps://edge/api/open/x", "");
    let tallies = edge.tallies();
    assert_eq!((tallies.v2.requests, tallies.v2.failures), (2, 2));
    assert_eq!((tallies.legacy.requests, tallies.legacy.failures), (1, 0));
    // An open breaker counts as a failure too, or v2 would look well as soon as the edge sends nothing to it.
    edge.side("http://origin", 0);
    edge.handle_by(6, "GET\nhttps://edge/v1/auth/me", "");
    assert_eq!(edge.tallies().v2.failures, 8);
}

#[test]
fn reads_with_a_legacy_token_are_shadowed_at_v2_and_nothing_else_is() {
    let edge = Edge::with(&[("ROLLOUT_PERCENT", "50"), ("SHADOW_PERCENT", "100")]);
    let token = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let with_token =
        |method: &str, path: &str| format!("{method}\nhttps://edge{path}\nauthorization:Bearer {token}");
    let read = edge
        .handle(&with_token("GET", "/api/auth/profile"), "")
        .shadow
        .unwrap();
    assert_eq!(read.url, "http://origin/auth/profile");
    let changes = read.changes.as_text();
    assert!(changes.lines().any(|line| line == "authorization"));
    assert!(changes.contains("\nx-crossfade-assertion:"));
    let verify = "POST\nhttps://edge/auth/verify-token\ncontent-type:application/json";
    let body = format!(r#"{{"token":"{token}"}}"#);
    assert!(edge.handle(verify, &body).shadow.is_some());

    let firebase = emulator_token(&edge, "person-1", "ann@example.com");
    for (request, body) in [
        (with_token("PUT", "/auth/profile"), "{}"),
        (with_token("DELETE", "/auth/profile"), ""),
        (LOGIN.to_owned(), NOT_IN_COHORT),
        (
            format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {firebase}"),
            "",
        ),
    ] {
        assert!(edge.handle(&request, body).shadow.is_none(), "{request}");
    }
    // An answer of v2 itself needs no comparison, and the edge sends no shadow reads to a v2 with an open breaker.
    edge.side("http://legacy", 0);
    assert!(
        edge.handle(&with_token("GET", "/auth/profile"), "")
            .shadow
            .is_none()
    );
    edge.side("http://legacy", 200);
    edge.side("http://origin", 0);
    edge.handle_by(5, "GET\nhttps://edge/v1/auth/me", "");
    assert!(
        edge.handle(&with_token("GET", "/auth/profile"), "")
            .shadow
            .is_none()
    );
}

#[test]
fn web_sockets_are_opened_to_services_that_say_so() {
    let edge = Edge::with(&[(
        "UPSTREAMS",
        r#"[{"prefix":"/api/chat","url":"http://chat","auth":"none","websocket":true},
            {"prefix":"/api/open","url":"http://open","auth":"none"}]"#,
    )]);
    for (path, taken) in [
        ("/api/chat/room", true),
        ("/api/open/x", false),
        ("/v1/auth/me", false),
        ("/auth/profile", false),
    ] {
        let reply = edge.handle(
            &format!("GET\nhttps://edge{path}\nconnection:Upgrade\nupgrade:WebSocket"),
            "",
        );
        let expected = if taken {
            (200, "app_service")
        } else {
            (400, "websocket_refused")
        };
        assert_eq!((reply.status, reply.reason), expected, "{path}");
    }
    assert_eq!(edge.sent().len(), 1);
}

#[test]
fn browser_is_known_by_its_session_cookie_where_one_is_named() {
    let edge = Edge::with(&[
        ("FIREBASE_SESSION_COOKIE_NAME", "__session"),
        ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
    ]);
    edge.answers("/v1/auth/me", 200, ME);
    let cookie = emulator_cookie(&edge, "person-1");
    let read = format!("GET\nhttps://edge/api/archive/x\nhost:edge\ncookie:a=1; __session={cookie}");
    assert_eq!(edge.handle(&read, "").status, 200);
    let sent = edge.last_sent();
    assert_eq!(sent.header("x-auth-token-kind"), Some("firebase_session_cookie"));
    assert_eq!(sent.header("cookie"), Some("a=1"), "the session stays here");

    let change =
        |more: &str| format!("POST\nhttps://edge/api/archive/x\nhost:edge\ncookie:__session={cookie}{more}");
    let refused = edge.handle(&change("\norigin:https://evil.test"), "");
    assert_eq!((refused.status, refused.reason), (403, "cross_site"));
    assert_eq!(edge.handle(&change(""), "").status, 403);
    assert_eq!(
        edge.handle(&change("\norigin:https://app.example.com"), "")
            .status,
        200
    );
    assert!(edge.last_sent().removes("cookie"));
    // Another site cannot make a page send this token.
    let token = emulator_token(&edge, "person-1", "ann@example.com");
    let by_header = change(&format!("\nauthorization:Bearer {token}"));
    assert_eq!(edge.handle(&by_header, "").status, 200);
    assert!(
        edge.last_sent().removes("cookie"),
        "the session cookie is removed with any credential"
    );
    let old = legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    let at_legacy =
        format!("GET\nhttps://edge/auth/profile\nauthorization:Bearer {old}\ncookie:a=1; __session={cookie}");
    edge.handle(&at_legacy, "");
    let sent = edge.last_sent();
    assert_eq!(sent.url, "http://legacy/auth/profile");
    assert_eq!(
        sent.header("cookie"),
        Some("a=1"),
        "nor does the legacy service get it"
    );
}

#[test]
fn other_tokens_in_the_cookie_prove_no_user() {
    let edge = Edge::with(&[("FIREBASE_SESSION_COOKIE_NAME", "__session")]);
    for token in [
        emulator_token(&edge, "person-1", "ann@example.com"),
        legacy_token(&edge, "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    ] {
        let request = format!("GET\nhttps://edge/api/archive/x\ncookie:__session={token}");
        let refused = edge.handle(&request, "");
        assert_eq!((refused.status, refused.reason), (401, "cookie_kind"));
    }
    // Where no cookie is named, the edge reads none and removes none.
    let edge = half();
    let request = format!(
        "GET\nhttps://edge/api/archive/x\ncookie:__session={}",
        emulator_cookie(&edge, "person-1")
    );
    assert_eq!(edge.handle(&request, "").code, Some("TOKEN_MISSING"));
    edge.handle("GET\nhttps://edge/api/open/x\ncookie:__session=a", "");
    assert_eq!(edge.last_sent().header("cookie"), None);
}
