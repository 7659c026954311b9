//! The issuer's keys at the edge: fetched once for all waiting requests, kept while the issuer is down, never replaced by rubbish.
//!
//! Each test has a key server and an edge of its own: an isolate remembers its keys.

mod cold;
mod outage;
mod rotation;
mod warm_start;

use serde_json::Value;
use testkit::key_server::{Change, KeyServer, Mode};
use testkit::keys::Key;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::edges::{self, Edge, Wanted};
use crate::users::{id_token, stranger};

/// An issuer that answers with keys good for `max_age` seconds.
async fn issuer(max_age: u64) -> KeyServer {
    let issuer = KeyServer::start().await.unwrap();
    change(
        &issuer,
        Change {
            max_age: Some(max_age),
            ..Change::default()
        },
    );
    issuer
}

fn change(issuer: &KeyServer, change: Change) {
    issuer.change(change).unwrap();
}

fn becomes(issuer: &KeyServer, mode: Mode) {
    change(
        issuer,
        Change {
            mode: Some(mode),
            ..Change::default()
        },
    );
}

fn publishes(issuer: &KeyServer, keys: &[&str]) {
    let keys = keys.iter().map(|name| (*name).to_owned()).collect();
    change(
        issuer,
        Change {
            keys: Some(keys),
            ..Change::default()
        },
    );
}

/// An edge that fetches its keys from `issuer`, and has none yet.
fn edge_of(issuer: &KeyServer) -> Wanted {
    edges::edge().with("FIREBASE_JWKS_URL", &issuer.url())
}

/// A token the edge has not verified yet, signed by the key called `name`.
fn token_by(name: &str) -> String {
    id_token(&stranger()).by(Key::named(name).unwrap()).mint()
}

/// A path where the edge verifies and asks no other service: it needs a good token and does not exist at the origin. 404 means that the
/// edge believed the token, and creates no row.
const VERIFIED: &str = "/v1/nowhere";

async fn ask(edge: &Edge, token: &str) -> Answer {
    edge.api.get(VERIFIED).bearer(token).send().await
}

#[track_caller]
fn believed(answer: &Answer) {
    assert_eq!(answer.status, 404, "the token was not believed\n{answer}");
}

/// Sends requests with all tokens at once.
async fn ask_at_once(edge: &Edge, tokens: impl IntoIterator<Item = String>) -> Vec<Answer> {
    let mut asked = JoinSet::new();
    for token in tokens {
        let call = edge.api.get(VERIFIED).bearer(&token);
        asked.spawn(call.send());
    }
    asked.join_all().await
}

/// What `/readyz` says about the keys of ID tokens.
async fn state(edge: &Edge) -> Value {
    let answer = edge.api.get("/readyz").send().await.expect(200);
    let rings = answer.at("/keys");
    rings
        .as_object()
        .and_then(|rings| rings.values().next())
        .cloned()
        .unwrap_or_default()
}
