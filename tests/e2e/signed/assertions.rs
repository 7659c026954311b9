//! What a service behind the edge gets: who the caller is, and a signed statement about this very request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use testkit::recorder::{Received, Recorder};
use testkit::tokens::now;

use crate::edges::{self, Edge};
use crate::stack;
use crate::users::{id_token, register_with_legacy, stranger};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn in_front_of(recorder: &Recorder) -> Edge {
    let url = &recorder.url;
    edges::edge()
        .with("LEGACY_AUTH_URL", url)
        .with(
            "UPSTREAMS",
            &json!([
                { "prefix": "/api/archive", "url": url, "auth": "required" },
                { "prefix": "/api/archive/public", "url": url, "auth": "none", "strip_prefix": true, "name": "shelf" },
                { "prefix": "/api/old", "url": url, "auth": "required", "forward_token": true },
                { "prefix": "/api/open", "url": url, "auth": "optional" },
            ])
            .to_string(),
        )
        .start()
        .await
}

/// The claims of the one assertion that arrived at the service called `audience`: HS256 (RFC 7515 appendix A.1) under the key that is
/// derived for this service from the stack's first assertion key. Another service's key does not open it.
pub(super) fn opened(received: &Received, audience: &str) -> Value {
    let assertion = received.header("x-crossfade-assertion").expect("one assertion");
    let parts: Vec<&str> = assertion.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        panic!("not a compact JWS: {received:#?}");
    };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let keys = stack::variable("E2E_ASSERTION_KEYS");
    let (kid, key) = keys
        .split(',')
        .next()
        .and_then(|first| first.split_once(':'))
        .unwrap();
    let master = hmac::Key::new(hmac::HMAC_SHA256, &decoded(key));
    let opens = |audience: &str| {
        let derived = hmac::sign(
            &master,
            format!("crossfade assertion key for {audience}").as_bytes(),
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
        let signed = format!("{header}.{claims}");
        hmac::verify(&key, signed.as_bytes(), &decoded(signature)).is_ok()
    };
    assert!(
        opens(audience),
        "not sealed for {audience} by {kid}: {received:#?}"
    );
    assert!(!opens("another-service"), "sealed for everybody: {received:#?}");
    let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!(
        header,
        json!({ "alg": "HS256", "typ": "crossfade+jwt", "kid": kid })
    );
    let claims: Value = serde_json::from_slice(&decoded(claims)).unwrap();
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!(
        (now() - 10..=now() + 1).contains(&issued),
        "issued at another time: {claims}"
    );
    assert!(
        (1..=60).contains(&(expires - issued)),
        "good for more than a minute: {claims}"
    );
    assert_eq!(claims["iss"], "crossfade-edge");
    assert_eq!(claims["aud"], audience);
    // One request has one name.
    assert_eq!(
        claims["jti"].as_str(),
        received.header("x-request-id"),
        "{claims}"
    );
    claims
}

async fn arrives(edge: &Edge, method: &str, path: &str, token: Option<&str>) -> Received {
    let call = edge.api.call(method, path).header("traceparent", TRACEPARENT);
    let answer = match token {
        Some(token) => call.bearer(token),
        None => call,
    }
    .send()
    .await
    .expect(200)
    .came_from("edge", "app_service");
    let received: Received = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(
        received.header("x-request-id"),
        answer.header("x-request-id"),
        "{answer}"
    );
    assert_eq!(answer.header("x-of-the-service"), Some("kept"), "{answer}");
    received
}

#[tokio::test]
async fn app_service_gets_the_caller() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let user = stranger();
    let token = id_token(&user).mint();
    let id = stack::edge()
        .me(&token)
        .await
        .expect(200)
        .text_at("/data/user/id");
    for method in ["GET", "DELETE", "PUT"] {
        let received = arrives(&edge, method, "/api/archive/jobs/7?page=2", Some(&token)).await;
        assert_eq!(
            (received.method.as_str(), received.target.as_str()),
            (method, "/api/archive/jobs/7?page=2")
        );
        assert_eq!(received.header("x-user-id"), Some(id.as_str()), "{received:#?}");
        assert_eq!(
            received.header("x-user-email"),
            user.email.as_deref(),
            "{received:#?}"
        );
        assert_eq!(received.header("x-user-type"), Some("user"), "{received:#?}");
        assert_eq!(
            received.header("x-auth-token-kind"),
            Some("firebase"),
            "{received:#?}"
        );
        // The holder of a token can act as its user anywhere, so the token does not leave the edge.
        assert!(received.all("authorization").is_empty(), "{received:#?}");
        let claims = opened(&received, "archive");
        assert_eq!(claims["htm"], method);
        assert_eq!(claims["htu"], "/api/archive/jobs/7");
        assert_eq!(claims["id"]["kind"], "firebase");
        assert_eq!(claims["id"]["subject"], json!({ "firebase": user.uid }));
        assert_eq!(claims["id"]["email"].as_str(), user.email.as_deref());
    }
    edge.end().await;
}

#[tokio::test]
async fn legacy_token_names_the_same_row() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let (_, registered) = register_with_legacy().await;
    let (id, token) = (
        registered.text_at("/data/user/id"),
        registered.text_at("/data/token"),
    );
    let received = arrives(&edge, "GET", "/api/old/x", Some(&token)).await;
    assert_eq!(received.header("x-user-id"), Some(id.as_str()), "{received:#?}");
    assert_eq!(
        received.header("x-auth-token-kind"),
        Some("legacy"),
        "{received:#?}"
    );
    // This service still verifies tokens itself.
    let bearer = format!("Bearer {token}");
    assert_eq!(
        received.header("authorization"),
        Some(bearer.as_str()),
        "{received:#?}"
    );
    assert_eq!(opened(&received, "old")["id"]["subject"], json!({ "legacy": id }));
    edge.end().await;
}

#[tokio::test]
async fn statement_without_a_token_names_no_user() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    for (path, audience, arrived) in [
        ("/api/open/x", "open", "/api/open/x"),
        ("/api/archive/public/x?y", "shelf", "/x?y"),
    ] {
        let received = arrives(&edge, "GET", path, None).await;
        assert_eq!(received.target, arrived);
        assert!(received.all("x-user-id").is_empty(), "{received:#?}");
        let claims = opened(&received, audience);
        assert_eq!(claims["htu"], arrived.split('?').next().unwrap());
        assert!(claims.get("id").is_none(), "{claims}");
    }
    edge.api
        .get("/api/archive/x")
        .send()
        .await
        .refused(401, "TOKEN_MISSING");
    edge.api
        .get("/api/nobody/x")
        .send()
        .await
        .refused(404, "NOT_FOUND");
    edge.end().await;
}

#[tokio::test]
async fn edge_continues_a_trace_with_its_own_span() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    let mut spans = Vec::new();
    for _ in 0..2 {
        let received = arrives(&edge, "GET", "/api/open/x", None).await;
        let traceparent = received
            .header("traceparent")
            .expect("one traceparent")
            .to_owned();
        let fields: Vec<&str> = traceparent.split('-').collect();
        let ["00", TRACE, span, "01"] = fields.as_slice() else {
            panic!("{traceparent} does not continue {TRACEPARENT}");
        };
        assert_ne!(*span, "00f067aa0ba902b7", "the caller's own span");
        spans.push((*span).to_owned());
    }
    spans.dedup();
    assert_eq!(spans.len(), 2, "one span for two requests");
    for bad in [
        "",
        "00-1-2-3",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        let answer = edge
            .api
            .get("/api/open/x")
            .header("traceparent", bad)
            .send()
            .await
            .expect(200);
        let received: Received = serde_json::from_str(&answer.text).unwrap();
        let traceparent = received.header("traceparent").expect("one traceparent");
        let name = answer.header("x-request-id").unwrap_or_default();
        assert!(
            traceparent.starts_with(&format!("00-{name}-")),
            "{traceparent}\n{answer}"
        );
    }
    edge.end().await;
}

#[tokio::test]
async fn service_cannot_set_headers_of_the_edge() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).await;
    // The recorder's own `X-Auth-Route`, `X-Request-Id` and CORS headers claim otherwise.
    for (path, status) in [("/api/open/x?status=200", 200), ("/api/open/x?status=418", 418)] {
        let answer = edge
            .api
            .get(path)
            .header("x-request-id", "my-request")
            .header("origin", "https://stranger.example")
            .send()
            .await
            .expect(status)
            .came_from("edge", "app_service")
            .has_header("x-request-id", "my-request")
            .lacks_header("access-control-allow-origin")
            .lacks_header("access-control-allow-credentials");
        assert!(
            !answer.headers.iter().any(|(_, value)| value == "forged"),
            "{answer}"
        );
    }
    edge.end().await;
}
