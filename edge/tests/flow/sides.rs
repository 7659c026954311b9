//! Which side a call of the legacy contract goes to.

use crate::support::{self, Edge, emulator_token, legacy_token};
use crate::{IN_COHORT, LOGIN, NOT_IN_COHORT, half};

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
