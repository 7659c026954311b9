//! Tests the layer in front of axum with the vectors that also test the Node client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use axum::routing::any;
use axum::{Extension, Json, Router};
use crossfade_tower::{AssertionKeys, AssertionLayer, Caller, ClockSkew, UnixTime};
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn file() -> Value {
    serde_json::from_str(include_str!("../../../shared/tests/vectors/assertions.json")).unwrap()
}

fn vector(name: &str) -> Value {
    let file = file();
    let vectors = file["vectors"].as_array().unwrap();
    vectors
        .iter()
        .find(|vector| vector["name"] == name)
        .unwrap()
        .clone()
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn layer_for(vector: &Value) -> AssertionLayer {
    let now = UnixTime::from_secs(vector["now"].as_i64().unwrap());
    AssertionLayer::new(
        text(vector, "audience"),
        AssertionKeys::parse(text(&file(), "keys")).unwrap(),
    )
    .unwrap()
    .skew(ClockSkew::from_secs(vector["skew_seconds"].as_i64().unwrap()).unwrap())
    .clock(move || now)
}

/// A service that answers with the caller that its handler received.
fn service(layer: AssertionLayer) -> Router {
    let who = |Extension(caller): Extension<Caller>| async move {
        let opened = caller.assertion();
        Json(json!({
            "request_id": opened.request_id,
            "client_ip": opened.client_ip,
            "identity": opened.identity.as_deref(),
            "user": opened.user,
        }))
    };
    Router::new().fallback(any(who)).layer(layer)
}

fn request(vector: &Value) -> axum::http::request::Builder {
    Request::builder()
        .method(text(vector, "method"))
        .uri(text(vector, "path"))
}

async fn answer(layer: AssertionLayer, request: Request<Body>) -> (Response<()>, Value) {
    let response = service(layer).oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 64 * 1024).await.unwrap();
    (
        Response::from_parts(parts, ()),
        serde_json::from_slice(&body).unwrap(),
    )
}

#[tokio::test]
async fn every_vector_gets_its_verdict() {
    let file = file();
    let mut seen = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let name = text(vector, "name");
        // A header cannot contain a line break; the framework refuses it before the layer sees it.
        let Ok(value) = axum::http::HeaderValue::from_str(text(vector, "assertion")) else {
            continue;
        };
        seen += 1;
        let request = request(vector)
            .header("x-crossfade-assertion", value)
            .body(Body::empty());
        let (response, body) = answer(layer_for(vector).optional(), request.unwrap()).await;
        let expected = match text(vector, "expect") {
            "accepted" => {
                assert_eq!(response.status(), 200, "{name}: {body}");
                assert_eq!(body, vector["opened"], "{name}");
                continue;
            }
            "malformed" => "TOKEN_MALFORMED",
            "key_unknown" => "TOKEN_KEY_UNKNOWN",
            "signature" => "TOKEN_SIGNATURE_INVALID",
            "expired" => "TOKEN_EXPIRED",
            "audience" | "request" => "TOKEN_AUDIENCE",
            other => panic!("{name}: unknown verdict {other}"),
        };
        assert_eq!(response.status(), 401, "{name}");
        assert_eq!(body["error"]["code"], expected, "{name}");
        assert_eq!(body["success"], false, "{name}");
    }
    assert!(seen > 50, "{seen} vectors");
}

#[tokio::test]
async fn request_without_assertion_is_refused() {
    let good = vector("a user with a Firebase token");
    for layer in [layer_for(&good), layer_for(&good).optional()] {
        let request = request(&good)
            .header("x-user-id", "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
            .header("x-request-id", "r-7");
        let (response, body) = answer(layer, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.headers()["x-request-id"], "r-7");
        assert_eq!(body["error"]["code"], "TOKEN_MISSING");
        assert_eq!(body["request_id"], "r-7");
    }
}

#[tokio::test]
async fn duplicate_assertion_header_is_rejected() {
    let good = vector("a user with a Firebase token");
    let assertion = text(&good, "assertion");
    let request = request(&good)
        .header("x-crossfade-assertion", assertion)
        .header("x-crossfade-assertion", assertion);
    let (response, body) = answer(layer_for(&good), request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (response.status().as_u16(), &body["error"]["code"]),
        (401, &json!("TOKEN_MALFORMED"))
    );
}

#[tokio::test]
async fn assertion_without_user_opens_only_public_routes() {
    let nobody = vector("nobody: a public route");
    let request = || {
        request(&nobody)
            .header("x-crossfade-assertion", text(&nobody, "assertion"))
            .body(Body::empty())
            .unwrap()
    };
    let (response, body) = answer(layer_for(&nobody), request()).await;
    assert_eq!(
        (response.status().as_u16(), &body["error"]["code"]),
        (401, &json!("TOKEN_MISSING"))
    );
    let (response, _) = answer(layer_for(&nobody).optional(), request()).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn refusal_follows_rfc_9457_on_request() {
    let good = vector("a user with a Firebase token");
    let request = request(&good)
        .header("x-crossfade-assertion", "spoofed")
        .header("accept", "application/problem+json");
    let (response, body) = answer(layer_for(&good), request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(
        (&body["code"], &body["status"], &body["instance"]),
        (&json!("TOKEN_MALFORMED"), &json!(401), &good["path"])
    );
}

#[test]
fn origin_audience_is_refused() {
    for audience in ["", "origin"] {
        let keys = AssertionKeys::parse(text(&file(), "keys")).unwrap();
        assert!(AssertionLayer::new(audience, keys).is_err());
    }
}
