//! An issuer that fails after its keys have expired at the edge: only the operator notices.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::key_server::{KeyServer, Mode};
use testkit::keys::Key;

use super::{ask, ask_at_once, becomes, believed, edge_of, issuer, state, token_by};
use crate::edges::Edge;
use crate::users::{id_token, stranger};

const PATIENCE: Duration = Duration::from_secs(25);

/// Sends requests with new tokens, all of which the edge must believe, until the keys' state is as wanted. Returns how many it sent.
async fn asking_until(edge: &Edge, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> usize {
    let began = Instant::now();
    let mut asked = 0;
    loop {
        for answer in ask_at_once(edge, (0..5).map(|_| token_by("issuer-a"))).await {
            believed(&answer);
            asked += 1;
        }
        let state = state(edge).await;
        if wanted(&state) {
            return asked;
        }
        assert!(began.elapsed() < PATIENCE, "{what}: {state}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn play(mode: Mode) {
    // The keys expire as soon as they arrive.
    let issuer: KeyServer = issuer(0).await;
    let edge = edge_of(&issuer).start().await;
    believed(&ask(&edge, &token_by("issuer-a")).await);
    let before = issuer.fetches();
    becomes(&issuer, mode);
    let asked = asking_until(&edge, "no failed refresh is reported", |state| {
        !state["last_error"].is_null()
    })
    .await;
    assert!(
        asked > 5 && issuer.fetches() > before,
        "{mode:?}: nothing was tried"
    );
    // The operator sees the failure, and the age of the keys that serve meanwhile.
    let seen = state(&edge).await;
    assert_eq!(seen["keys"], 1, "{mode:?}: {seen}");
    assert!(
        seen["age_seconds"].as_i64().is_some_and(|age| age >= 1),
        "{mode:?}: {seen}"
    );
    assert!(
        seen["expires_in_seconds"].as_i64().is_some_and(|left| left < 0),
        "{mode:?}: {seen}"
    );
    // The issuer may have published an unknown key meanwhile: nobody can know, so the fault is not the token's.
    let unknown = id_token(&stranger()).by(Key::named("issuer-b").unwrap()).mint();
    let answer = ask(&edge, &unknown).await.refused(503, "KEYS_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some(), "Retry-After\n{answer}");
    becomes(&issuer, Mode::Ok);
    asking_until(&edge, "does not recover", |state| state["last_error"].is_null()).await;
    edge.end().await;
}

#[tokio::test]
async fn issuer_outage_affects_no_caller() {
    tokio::join!(play(Mode::Down), play(Mode::Error), play(Mode::Hang));
}

#[tokio::test]
async fn rubbish_never_replaces_good_keys() {
    tokio::join!(play(Mode::Garbage), play(Mode::Wrong), play(Mode::Huge));
}
