//! Requests that come through the edge.

use serde_json::json;
use shared::assertion::{Assertion, AssertionKeys, ORIGIN_AUDIENCE};
use shared::ids::RequestId;
use shared::time::UnixTime;

use crate::support::{Answer, TestApp, now, send, token};

struct Sealed<'a> {
    app: &'a TestApp,
    keys: AssertionKeys,
}

impl Sealed<'_> {
    /// Calls `GET /v1/auth/me` with an assertion sealed for `path` about `uid`.
    async fn me(&self, path: &str, uid: Option<&str>, sealed_at: i64) -> Answer {
        let identity = match uid {
            Some(uid) => Some(
                self.app
                    .app
                    .verifier
                    .verify(&token(uid, &json!({})), UnixTime::from_secs(now()))
                    .await
                    .unwrap(),
            ),
            None => None,
        };
        let assertion = Assertion {
            audience: ORIGIN_AUDIENCE,
            method: "GET",
            path,
            request_id: &RequestId::parse("edge-request-1").unwrap(),
            client_ip: Some("192.0.2.7"),
            identity: identity.as_deref(),
            user: None,
        };
        let sealed = self
            .keys
            .seal(&assertion, UnixTime::from_secs(sealed_at))
            .unwrap();
        send(
            self.app
                .request("GET", "/v1/auth/me")
                .header("x-crossfade-assertion", sealed),
        )
        .await
    }
}

#[tokio::test]
async fn user_verified_by_the_edge_is_accepted() {
    let app = TestApp::start().await;
    let edge = Sealed {
        app: &app,
        keys: app.app.config.assertion_keys.clone(),
    };
    let me = edge.me("/v1/auth/me", Some("uid-1"), now()).await.expect(200);
    assert_eq!(me.body["data"]["user"]["firebase_uid"], "uid-1");
    assert_eq!(me.header("x-request-id"), Some("edge-request-1"));
    let noted: String = app
        .database
        .value(
            "SELECT host(source_ip) || ' ' || request_id FROM auth.auth_events WHERE kind = 'user.created'",
        )
        .await;
    assert_eq!(noted, "192.0.2.7 edge-request-1");
}

#[tokio::test]
async fn missing_dependency_is_named_only_to_the_edge() {
    let nowhere = ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let app = TestApp::start_with(&[nowhere, ("DB_POOL_ACQUIRE_MS", "300")]).await;
    let edge = Sealed {
        app: &app,
        keys: app.app.config.assertion_keys.clone(),
    };
    let told = edge.me("/v1/auth/me", Some("uid-1"), now()).await.expect(503);
    assert_eq!(told.code(), "DATABASE_UNAVAILABLE");
    assert_eq!(told.header("x-crossfade-dependency"), Some("database"));
    let refused = edge.me("/v1/auth/me", None, now()).await.expect(401);
    assert_eq!(refused.header("x-crossfade-dependency"), None);
    // Nor to a caller past the edge, whatever headers it sends.
    let direct = app
        .request("GET", "/v1/auth/me")
        .bearer_auth(token("uid-1", &json!({})))
        .header("x-crossfade-dependency", "firebase");
    let direct = send(direct).await.expect(503);
    assert_eq!(direct.header("x-crossfade-dependency"), None);
}

#[tokio::test]
async fn assertion_without_identity_is_no_credential() {
    let app = TestApp::start().await;
    let edge = Sealed {
        app: &app,
        keys: app.app.config.assertion_keys.clone(),
    };
    assert_eq!(edge.me("/v1/auth/me", None, now()).await.code(), "TOKEN_MISSING");
}

#[tokio::test]
async fn unopened_assertion_is_never_ignored() {
    let app = TestApp::start().await;
    let ours = Sealed {
        app: &app,
        keys: app.app.config.assertion_keys.clone(),
    };
    let key = |kid: &str, byte: u8| {
        AssertionKeys::parse(&format!("{kid}:{}", shared::base64url::encode(&[byte; 32]))).unwrap()
    };
    let forged = Sealed {
        app: &app,
        keys: key("k1", 9),
    };
    let stranger = Sealed {
        app: &app,
        keys: key("k2", 9),
    };
    for (answer, status, code) in [
        (
            ours.me("/v1/tokens/balance", Some("uid-1"), now()).await,
            403,
            "FORBIDDEN",
        ),
        (
            forged.me("/v1/auth/me", Some("uid-1"), now()).await,
            403,
            "FORBIDDEN",
        ),
        // A difference of keys or clocks is our fault: a 401 would log every user out.
        (
            ours.me("/v1/auth/me", Some("uid-1"), now() - 1000).await,
            503,
            "CONFIG_INVALID",
        ),
        (
            stranger.me("/v1/auth/me", Some("uid-1"), now()).await,
            503,
            "CONFIG_INVALID",
        ),
    ] {
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    // Nor does a good bearer token help.
    let request = app
        .request("GET", "/v1/auth/me")
        .bearer_auth(token("uid-1", &json!({})))
        .header("x-crossfade-assertion", "x");
    assert_eq!(send(request).await.code(), "FORBIDDEN");
    assert_eq!(app.users().await, 0);
}
