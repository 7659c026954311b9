//! Shadow reads.

use crate::support::{Edge, emulator_token, legacy_token};
use crate::{LOGIN, NOT_IN_COHORT};

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
