//! An edge that holds no keys, or not the one that a token names.

use std::time::{Duration, Instant};

use testkit::key_server::{Change, Mode};
use testkit::tokens::Signature;

use super::{ask, ask_at_once, becomes, believed, change, edge_of, issuer, state, token_by};
use crate::users::{id_token, stranger};

const AT_ONCE: usize = 100;
const STRANGERS: usize = 1_000;

#[tokio::test]
async fn hundred_cold_requests_fetch_the_keys_once() {
    let issuer = issuer(3_600).await;
    // Slow enough for all of them to arrive while the fetch runs.
    change(
        &issuer,
        Change {
            mode: Some(Mode::Slow),
            delay_ms: Some(700),
            ..Change::default()
        },
    );
    let edge = edge_of(&issuer).start().await;
    let tokens = (0..AT_ONCE).map(|_| token_by("issuer-a"));
    for answer in ask_at_once(&edge, tokens).await {
        believed(&answer);
    }
    assert_eq!(issuer.fetches(), 1, "fetches for {AT_ONCE} requests");
    edge.end().await;
}

#[tokio::test]
async fn made_up_key_ids_cause_one_fetch_in_half_a_minute() {
    let issuer = issuer(3_600).await;
    let edge = edge_of(&issuer).start().await;
    believed(&ask(&edge, &token_by("issuer-a")).await);
    assert_eq!(issuer.fetches(), 1);
    let began = Instant::now();
    let user = stranger();
    for batch in 0..STRANGERS / AT_ONCE {
        let tokens = (0..AT_ONCE).map(|at| {
            let kid = format!("made-up-{batch}-{at}");
            id_token(&user)
                .header("kid", kid)
                .signed(Signature::Bytes(vec![7; 256]))
                .mint()
        });
        for answer in ask_at_once(&edge, tokens).await {
            answer
                .refused(401, "TOKEN_KEY_UNKNOWN")
                .came_from("edge", "key_unknown");
        }
        // Callers with a key that is held notice nothing.
        believed(&ask(&edge, &token_by("issuer-a")).await);
    }
    let allowed = 1 + began.elapsed().as_secs() / 30;
    let fetches = issuer.fetches() - 1;
    assert!(
        (1..=allowed).contains(&fetches),
        "{fetches} fetches, {allowed} allowed"
    );
    edge.end().await;
}

#[tokio::test]
async fn missing_keys_are_503_with_retry_after() {
    let issuer = issuer(3_600).await;
    becomes(&issuer, Mode::Down);
    let edge = edge_of(&issuer).start().await;
    for path in ["/v1/auth/me", "/readyz"] {
        let answer = edge
            .api
            .get(path)
            .bearer(&token_by("issuer-a"))
            .send()
            .await
            .refused(503, "KEYS_UNAVAILABLE")
            .lacks_header("www-authenticate");
        assert!(answer.header("retry-after").is_some(), "Retry-After\n{answer}");
    }
    let answer = edge.api.get("/readyz").send().await.expect(503);
    assert!(answer.text_at("/error/details/0").contains("issuer"), "{answer}");
    becomes(&issuer, Mode::Ok);
    let began = Instant::now();
    loop {
        let answer = ask(&edge, &token_by("issuer-a")).await;
        if answer.status == 404 {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "still no keys\n{answer}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(state(&edge).await["last_error"].is_null());
    edge.end().await;
}

#[tokio::test]
async fn the_time_keys_spent_in_a_shared_cache_counts() {
    let issuer = issuer(3_600).await;
    change(
        &issuer,
        Change {
            age: Some(3_500),
            ..Change::default()
        },
    );
    let edge = edge_of(&issuer).start().await;
    let state = state(&edge).await;
    let left = state["expires_in_seconds"].as_i64();
    assert!(left.is_some_and(|left| (1..=100).contains(&left)), "{state}");
    edge.end().await;
}
