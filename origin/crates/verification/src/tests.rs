//! Tests with a real HTTP server on a free port as the issuer, and simulated time.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use shared::base64url;
use shared::config::Reader;
use shared::problem::ErrorCode;
use shared::time::UnixTime;
use shared::token::{KeyUrls, Rejection, Ring, TokenPolicy};
use tokio::net::TcpListener;

use super::Verifier;

const MAX_AGE: i64 = 1000;

#[derive(Debug, Clone)]
enum Answer {
    Keys(Value),
    Status(StatusCode),
    Text(String),
    Never,
}

struct Issuer {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    url: String,
}

impl Issuer {
    async fn start(answer: Answer) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let issuer = Arc::new(Self {
            answer: Mutex::new(answer),
            fetches: AtomicUsize::new(0),
            url,
        });
        let router = Router::new()
            .route("/jwks", get(serve))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Arc<Verifier> {
        let table: BTreeMap<String, String> = [
            ("FIREBASE_PROJECT_ID", "crossfade-app"),
            ("FIREBASE_JWKS_URL", &self.url),
            ("LEGACY_JWT_SECRETS", "the-legacy-service-signs-with-this-one"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let mut reader = Reader::new(&table);
        let policy = TokenPolicy::read(&mut reader).unwrap();
        let urls = KeyUrls::read(&mut reader);
        Arc::new(Verifier::new(policy, &urls, NonZeroUsize::new(64).unwrap()))
    }
}

async fn serve(State(issuer): State<Arc<Issuer>>) -> Response {
    issuer.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = issuer.answer.lock().unwrap().clone();
    match answer {
        Answer::Keys(keys) => (
            [(CACHE_CONTROL, format!("public, max-age={MAX_AGE}"))],
            keys.to_string(),
        )
            .into_response(),
        Answer::Status(status) => status.into_response(),
        Answer::Text(text) => text.into_response(),
        Answer::Never => std::future::pending().await,
    }
}

/// The vectors of `shared`: tokens with a known verdict.
struct Vectors(Value);

impl Vectors {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../../shared/tests/vectors/tokens.json")).unwrap())
    }

    fn token(&self, name: &str) -> String {
        let cases = self.0["cases"].as_array().unwrap();
        cases.iter().find(|case| case["name"] == name).unwrap()["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0["now"].as_i64().unwrap())
    }

    /// The key set with `key-1`, which signs the ID tokens.
    fn keys(&self) -> Value {
        self.0["keys"]["firebase_id_token"].clone()
    }

    /// `key-1` and a second key.
    fn keys_after_rotation(&self) -> Value {
        let second = &self.0["keys"]["firebase_session_cookie"]["keys"][0];
        json!({ "keys": [self.keys()["keys"][0], second] })
    }

    /// An ID token signed with the second key.
    fn token_after_rotation(&self) -> String {
        self.token("an ID token signed with a cookie key under its own name")
    }

    /// A valid token, except that the issuer publishes no key with its kid.
    fn token_of(&self, kid: &str) -> String {
        let header = base64url::encode(format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#).as_bytes());
        let token = self.token("an ID token");
        let (_, rest) = token.split_once('.').unwrap();
        format!("{header}.{rest}")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundred_cold_calls_make_one_fetch() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, token, now) = (
        issuer.verifier(),
        Arc::new(vectors.token("an ID token")),
        vectors.now(),
    );
    // `spawn` also shows that the future may move between threads.
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), Arc::clone(&token));
            tokio::spawn(async move { verifier.verify(&token, now).await })
        })
        .collect();
    for call in calls {
        let identity = call.await.unwrap().unwrap();
        assert_eq!(identity.firebase_uid().unwrap().as_str(), "ada");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn thousand_made_up_kids_make_one_more_fetch() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, now) = (issuer.verifier(), vectors.now());
    verifier.verify(&vectors.token("an ID token"), now).await.unwrap();
    for n in 0..1000 {
        let rejection = verifier
            .verify(&vectors.token_of(&format!("made-up-{n}")), now.plus(n % 30))
            .await
            .unwrap_err();
        assert_eq!(rejection, Rejection::KeyUnknown);
    }
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn issuer_outage_of_an_hour_past_expiry_has_no_effect() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, now) = (issuer.verifier(), vectors.now());
    let tokens = [
        vectors.token("an ID token"),
        vectors.token("without typ"),
        vectors.token("without user_id"),
    ];
    verifier.verify(&tokens[0], now).await.unwrap();
    issuer.answers(Answer::Status(StatusCode::SERVICE_UNAVAILABLE));
    // Each token lives for an hour from 10 s before `now`; after that `expired` would be the right answer, which this test does not check.
    for seconds in (0..3_580).step_by(20) {
        for token in &tokens {
            verifier.verify(token, now.plus(seconds)).await.unwrap();
        }
    }
    let status = verifier.key_status(now.plus(3_580)).remove(0).1;
    assert!(
        status.usable && status.expires_in_seconds.unwrap() < 0,
        "{status:?}"
    );
    assert_eq!(status.last_error.as_deref(), Some("the issuer answered 503"));
    assert!(issuer.fetches() < 150, "{} fetches", issuer.fetches());
}

#[tokio::test]
async fn key_rotation_is_followed_at_once() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, now) = (issuer.verifier(), vectors.now());
    verifier.verify(&vectors.token("an ID token"), now).await.unwrap();
    issuer.answers(Answer::Keys(vectors.keys_after_rotation()));
    verifier
        .verify(&vectors.token_after_rotation(), now)
        .await
        .unwrap();
    verifier.verify(&vectors.token("an ID token"), now).await.unwrap();
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn bad_answer_never_replaces_good_keys() {
    let vectors = Vectors::read();
    let mut secret = vectors.keys();
    secret["keys"][0]["d"] = json!("AQAB");
    for (bad, error) in [
        (Answer::Text("<html>".into()), "the answer is not a JWK set"),
        (Answer::Text("{}".into()), "the answer is not a JWK set"),
        (
            Answer::Text(r#"{"error":"quota"}"#.into()),
            "the answer is not a JWK set",
        ),
        (
            Answer::Text(r#"{"keys":[]}"#.into()),
            "no key of the set is usable",
        ),
        (
            Answer::Text(format!(r#"{{"keys":[],"a":"{}"}}"#, "x".repeat(70_000))),
            "the key set is larger than 64 KiB",
        ),
        (Answer::Keys(secret), "the key set holds secret keys"),
        (Answer::Status(StatusCode::FOUND), "the issuer answered 302"),
        (Answer::Status(StatusCode::NO_CONTENT), "the issuer answered 204"),
    ] {
        let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
        let (verifier, now) = (issuer.verifier(), vectors.now());
        verifier.verify(&vectors.token("an ID token"), now).await.unwrap();
        issuer.answers(bad);
        let rejection = verifier.verify(&vectors.token_of("new"), now).await.unwrap_err();
        assert_eq!(rejection.code(), ErrorCode::KeysUnavailable);
        verifier
            .verify(&vectors.token("without typ"), now.plus(900))
            .await
            .unwrap();
        let (ring, status) = verifier.key_status(now).remove(0);
        assert_eq!(
            (ring, status.keys, status.last_error.as_deref()),
            (Ring::FirebaseIdToken, 1, Some(error))
        );
    }
}

#[tokio::test]
async fn missing_keys_are_our_fault() {
    let vectors = Vectors::read();
    let now = vectors.now();
    let issuer = Issuer::start(Answer::Status(StatusCode::INTERNAL_SERVER_ERROR)).await;
    let verifier = issuer.verifier();
    for _ in 0..20 {
        let rejection = verifier
            .verify(&vectors.token("an ID token"), now)
            .await
            .unwrap_err();
        assert_eq!(
            (rejection.code(), rejection.retry_after()),
            (ErrorCode::KeysUnavailable, Some(1))
        );
    }
    assert_eq!(
        issuer.fetches(),
        1,
        "an outage is not made worse by asking on every call"
    );
    // Verification without new keys goes on.
    verifier
        .verify(&vectors.token("a user's token"), now)
        .await
        .unwrap();
    issuer.answers(Answer::Keys(vectors.keys()));
    verifier
        .verify(&vectors.token("an ID token"), now.plus(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn fetch_from_hanging_issuer_ends_after_three_seconds() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Never).await;
    let verifier = issuer.verifier();
    let rejection = verifier
        .verify(&vectors.token("an ID token"), vectors.now())
        .await
        .unwrap_err();
    assert_eq!(rejection.code(), ErrorCode::KeysUnavailable);
    let status = verifier.key_status(vectors.now()).remove(0).1;
    assert_eq!(
        status.last_error.as_deref(),
        Some("the issuer did not answer within 3 s")
    );
    assert!(!status.usable);
}

#[tokio::test]
async fn hung_up_caller_leaves_the_fetch_to_the_others() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, token, now) = (issuer.verifier(), vectors.token("an ID token"), vectors.now());
    let mut first = Box::pin(verifier.verify(&token, now));
    // One poll starts the fetch; then the caller hangs up.
    assert!(
        std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context)))
            .await
            .is_pending()
    );
    drop(first);
    verifier.verify(&token, now).await.unwrap();
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn remembered_token_needs_no_keys() {
    let vectors = Vectors::read();
    let issuer = Issuer::start(Answer::Keys(vectors.keys())).await;
    let (verifier, now) = (issuer.verifier(), vectors.now());
    let token = vectors.token("an ID token");
    verifier.verify(&token, now).await.unwrap();
    let known = verifier.verify(&token, now.plus(299)).await.unwrap();
    assert!(Arc::ptr_eq(
        &known,
        &verifier.verify(&token, now.plus(299)).await.unwrap()
    ));
    let tampered = vectors.token("another sub under the same signature");
    assert_eq!(
        verifier.verify(&tampered, now).await.unwrap_err(),
        Rejection::Signature
    );
}
