//! A deactivated user is refused within ten seconds, by the revocation feed.

use crate::support::emulator_token;
use crate::{ME, NEW_FEED, SOMEBODY, half, no_changes};

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
