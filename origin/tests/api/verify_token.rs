//! `POST /v1/auth/verify-token` and its other names.

use serde_json::json;

use crate::support::{TestApp, legacy_token_saying, now, send, token, with_json};

#[tokio::test]
async fn every_path_of_verify_token_answers_alike() {
    let app = TestApp::start().await;
    let token = token("uid-1", &json!({"email": "a@b.de", "email_verified": true}));
    let mut answers = Vec::new();
    for path in ["/v1/auth/verify-token", "/v1/token/verify"] {
        answers.push(
            app.call("POST", path, &json!({"token": token}))
                .await
                .expect(200)
                .body["data"]
                .take(),
        );
    }
    answers.push(
        app.call_as("POST", "/v1/token/verify-header", &token, &json!({}))
            .await
            .expect(200)
            .body["data"]
            .take(),
    );
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let data = &answers[0];
    for (name, value) in [
        ("valid", json!(true)),
        ("firebaseUid", json!("uid-1")),
        ("email", json!("a@b.de")),
        ("emailVerified", json!(true)),
        ("token_kind", json!("firebase")),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    assert!(data["tokenExpiration"].as_i64().unwrap() > now());
}

#[tokio::test]
async fn bad_token_is_named() {
    let app = TestApp::start().await;
    let expired = token(
        "uid-1",
        &json!({"iat": now() - 7200, "auth_time": now() - 7200, "exp": now() - 3600}),
    );
    let foreign = token("uid-1", &json!({"aud": "other"}));
    for (body, status, code) in [
        (json!({}), 400, "VALIDATION_ERROR"),
        (json!({"token": null}), 400, "VALIDATION_ERROR"),
        (json!({"token": 1}), 400, "VALIDATION_ERROR"),
        (json!({"token": ""}), 400, "VALIDATION_ERROR"),
        (json!({"token": "x".repeat(9000)}), 400, "VALIDATION_ERROR"),
        (json!([1]), 400, "VALIDATION_ERROR"),
        (json!({"token": "garbage"}), 401, "TOKEN_MALFORMED"),
        (json!({"token": expired}), 401, "TOKEN_EXPIRED"),
        (json!({"token": foreign}), 401, "TOKEN_AUDIENCE"),
        (json!({"token": "x".repeat(70_000)}), 413, "PAYLOAD_TOO_LARGE"),
    ] {
        let answer = app.call("POST", "/v1/auth/verify-token", &body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body:.80}");
    }
    let plain = send(app.request("POST", "/v1/token/verify").body("{}")).await;
    assert_eq!(plain.code(), "UNSUPPORTED_MEDIA_TYPE");
    let broken = with_json(app.request("POST", "/v1/token/verify"), &json!({})).body("{\"token\":\"hunter2");
    let broken = send(broken).await;
    assert_eq!(broken.code(), "VALIDATION_ERROR");
    assert!(!broken.body.to_string().contains("hunter2"));
    assert_eq!(app.users().await, 0);
}

/// A service behind the edge holds such a token and asks as it asked the legacy service.
#[tokio::test]
async fn edge_made_token_is_verified_but_is_no_credential() {
    let app = TestApp::start().await;
    let me = app
        .get("/v1/auth/me", &token("uid-1", &json!({})))
        .await
        .expect(200);
    let id = me.body["data"]["user"]["id"].as_str().unwrap().to_owned();
    let made = legacy_token_saying(
        &id,
        now(),
        &json!({ "crossfade": "translated", "auth_time": now() }),
    );
    let asked = json!({ "token": made });
    for path in ["/v1/auth/verify-token", "/v1/token/verify", "/auth/verify-token"] {
        let answer = app.call("POST", path, &asked).await.expect(200);
        assert_eq!(
            (&answer.body["data"]["valid"], &answer.body["data"]["user"]["id"]),
            (&json!(true), &json!(id)),
            "{path}"
        );
        let kind = answer.body["data"].get("token_kind");
        assert!(kind.is_none_or(|kind| kind == "translated"), "{path} {kind:?}");
    }
    for (path, code) in [
        ("/v1/auth/me", "TOKEN_WRONG_KIND"),
        ("/auth/profile", "INVALID_TOKEN"),
        ("/v1/tokens/balance", "TOKEN_WRONG_KIND"),
    ] {
        let answer = app.get(path, &made).await;
        assert_eq!((answer.status, answer.code()), (401, code), "{path}");
    }
    let header = app
        .call_as("POST", "/v1/token/verify-header", &made, &json!({}))
        .await;
    assert_eq!((header.status, header.code()), (401, "TOKEN_WRONG_KIND"));
    // The token did not come from a sign-in.
    let metrics = app.request("GET", "/metrics").send().await.unwrap();
    let text = metrics.text().await.unwrap();
    assert!(text.contains("legacy_tokens_verified_total 0"), "{text}");
}
