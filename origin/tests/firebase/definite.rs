//! Answers of Google that are outages, and those that are not, in all their shapes.

use serde_json::{Value, json};

use crate::google::{PASSWORD, World};

const SIGN_IN: &str = "accounts.signInWithPassword";

#[tokio::test]
async fn blocking_function_refusal_is_definite_and_shown() {
    let world = World::start().await;
    let session = world.registered("ann@example.org").await;
    for (blocking, message) in [
        (
            json!({"refuses": "Only staff may sign in.\r\nSet-Cookie: x=1"}),
            "Only staff may sign in. Set-Cookie: x=1",
        ),
        (json!("gone"), "The sign-in is blocked"),
        (
            json!("fails"),
            "The sign-in could not be checked: try again later",
        ),
    ] {
        world.google_will(json!({"blocking": blocking, "forget_calls": true}));
        let refused = world.log_in("ann@example.org", PASSWORD).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "SIGN_IN_BLOCKED"),
            "{message}"
        );
        assert_eq!(refused.body["message"], message);
        assert_eq!(world.google.calls(SIGN_IN), 1, "asked again: {message}");
        let old = json!({"email": "ann@example.org", "password": PASSWORD});
        let old = world.app.call("POST", "/auth/login", &old).await;
        assert_eq!((old.status, old.code()), (403, "SIGN_IN_BLOCKED"), "{message}");
        assert_eq!(world.log_in("ann@example.org", "wrong-horse_9").await.status, 401);
    }
    world.refresh(&session).await.expect(200);
    world.google_will(json!({"blocking": "allows"}));
    world.log_in("ann@example.org", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn local_user_is_blocked_like_all_others() {
    let world = World::start().await;
    world.local("ann@example.org", PASSWORD, 4).await;
    world.google_will(json!({"fail": {SIGN_IN: {"status": 400, "message": "PASSWORD_LOGIN_DISABLED"}}}));
    for password in [PASSWORD, "wrong-horse_9"] {
        let refused = world.log_in("ann@example.org", password).await;
        assert_eq!((refused.status, refused.code()), (403, "SIGN_IN_BLOCKED"));
    }
    assert_eq!(world.link().await, "- local");
}

#[tokio::test]
async fn every_shape_of_an_answer_has_its_kind() {
    let world = World::start().await;
    world.registered("ann@example.org").await;
    for (failure, status, code) in [
        (
            json!({"status": 400, "message": "INVALID_LOGIN_CREDENTIALS", "shape": "v1"}),
            401,
            "INVALID_CREDENTIALS",
        ),
        (
            json!({"status": 400, "message": "INVALID_LOGIN_CREDENTIALS", "shape": "v2"}),
            401,
            "INVALID_CREDENTIALS",
        ),
        (
            json!({"status": 400, "message": "7", "shape": "json_type"}),
            403,
            "SIGN_IN_BLOCKED",
        ),
        (
            json!({"status": 400, "shape": "api_key_wrong"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 403, "shape": "api_key_absent"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 401, "shape": "no_access_token"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 500, "shape": "internal"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 404, "shape": "html"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 200, "body": {"errorMessage": "USER_DISABLED"}}),
            401,
            "INVALID_CREDENTIALS",
        ),
        (
            json!({"status": 200, "body": {"errorMessage": "EMAIL_EXISTS"}}),
            409,
            "EMAIL_EXISTS",
        ),
        (
            json!({"status": 200, "body": {"localId": "x", "needConfirmation": true}}),
            403,
            "SIGN_IN_BLOCKED",
        ),
        (
            json!({"status": 200, "body": {"localId": "x"}}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 200, "body": {"localId": "x", "idToken": "a.b.c"}}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 400, "message": "EMAIL_EXISTS", "arrival": "cut"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
        (
            json!({"status": 400, "message": "EMAIL_EXISTS", "arrival": "stalled"}),
            503,
            "FIREBASE_UNAVAILABLE",
        ),
    ] {
        world.google_will(json!({"fail": {SIGN_IN: failure}}));
        let answer = world.log_in("ann@example.org", PASSWORD).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{failure}");
    }
}

#[tokio::test]
async fn failure_of_one_account_harms_no_other() {
    let world = World::start().await;
    for email in ["ann@example.org", "bob@example.org"] {
        world.registered(email).await;
    }
    world.google_will(
        json!({"fail": {SIGN_IN: {"status": 500, "shape": "internal", "only": "ann@example.org"}}}),
    );
    assert_eq!(world.log_in("ann@example.org", PASSWORD).await.status, 503);
    world.log_in("bob@example.org", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn throttles_of_account_and_address_are_429_and_a_quota_is_503() {
    let world = World::start().await;
    for email in ["ann@example.org", "bob@example.org"] {
        world.registered(email).await;
    }
    world.google_will(json!({"throttle": {"account": 2}}));
    for _ in 0..2 {
        world.log_in("ann@example.org", "wrong-horse_9").await.expect(401);
    }
    let throttled = world.log_in("ann@example.org", PASSWORD).await;
    assert_eq!((throttled.status, throttled.code()), (429, "RATE_LIMITED"));
    world.log_in("bob@example.org", PASSWORD).await.expect(200);
    world.google_will(json!({"throttle": {"address": 2}}));
    assert_eq!(
        world.log_in("bob@example.org", PASSWORD).await.code(),
        "RATE_LIMITED"
    );
    let quota = "QUOTA_EXCEEDED : Exceeded quota for verifying passwords.";
    world.google_will(
        json!({"throttle": {}, "fail": {SIGN_IN: {"status": 400, "message": quota, "times": 1}}}),
    );
    let used_up = world.log_in("bob@example.org", PASSWORD).await;
    assert_eq!((used_up.status, used_up.code()), (503, "FIREBASE_UNAVAILABLE"));
}

#[tokio::test]
async fn wrong_service_account_is_our_outage() {
    let world = World::start().await;
    let user = json!({"email": "ann@example.org", "password": PASSWORD});
    let denied: Value = json!({"status": 400, "body": {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}});
    world.google_will(json!({"fail": {"oauth2.token": denied}}));
    let answer = world.post("register", &user).await;
    assert_eq!((answer.status, answer.code()), (503, "FIREBASE_UNAVAILABLE"));
    world.google_will(json!({"fail": {"oauth2.token": null, "projects.accounts": {"status": 403, "message": "PERMISSION_DENIED"}}}));
    let answer = world.post("register", &user).await;
    assert_eq!((answer.status, answer.code()), (503, "FIREBASE_UNAVAILABLE"));
}
