//! The step-down sends sign-ins back to the legacy service.

use crate::support::{Edge, emulator_token};
use crate::{IN_COHORT, LOGIN, half};

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
