//! No sign-in bypasses a second factor.

use serde_json::{Value, json};
use testkit::identity_toolkit::{SMS_CODE, TOTP_CODE};

use crate::google::{OTHER, PASSWORD, World};

const EMAIL: &str = "ann@example.org";
const SIGN_IN: &str = "accounts.signInWithPassword";

/// A user who moved from the legacy service and then enrolled an authenticator and a telephone.
async fn enrolled(world: &World) -> (String, Value) {
    let id = world.local(EMAIL, PASSWORD, 4).await;
    let session = world.log_in(EMAIL, PASSWORD).await.expect(200).body["data"].take();
    assert!(world.legacy_accepts(PASSWORD).await);
    enrol(world);
    (id, session)
}

fn enrol(world: &World) {
    world.google_will(json!({"factors": {EMAIL: [{"id": "app"}, {"id": "sms", "phone": "+4915112340101"}]}}));
}

/// The first step: refused, with the data for the second.
async fn challenged(world: &World) -> Value {
    let mut refused = world.log_in(EMAIL, PASSWORD).await;
    assert_eq!((refused.status, refused.code()), (403, "SECOND_FACTOR_REQUIRED"));
    let details = refused.body["error"]["details"].take();
    assert!(!refused.body.to_string().contains("idToken"));
    details
}

async fn has_hash(world: &World) -> bool {
    world
        .app
        .database
        .value("SELECT password_hash IS NOT NULL FROM auth.users")
        .await
}

async fn finish(world: &World, details: &Value, more: Value) -> crate::support::Answer {
    let mut body = more;
    body["mfaPendingCredential"] = details["mfaPendingCredential"].clone();
    world.post("mfa/finish", &body).await
}

#[tokio::test]
async fn sign_in_by_password_is_answered_with_a_challenge() {
    let world = World::start().await;
    enrolled(&world).await;
    let details = challenged(&world).await;
    assert!(details["mfaPendingCredential"].is_string());
    assert_eq!(details["mfaInfo"][0]["mfaEnrollmentId"], "app");
    assert_eq!(details["mfaInfo"][0]["totpInfo"], json!({}));
    assert_eq!(details["mfaInfo"][1]["phoneInfo"], "+*********0101");
    // The old contract has no second step: it refuses, and shows nothing of the challenge.
    let old = json!({"email": EMAIL, "password": PASSWORD});
    let old = world.app.call("POST", "/auth/login", &old).await;
    assert_eq!((old.status, old.code()), (403, "SECOND_FACTOR_REQUIRED"));
    assert!(!old.body.to_string().contains("mfaPendingCredential"));
    let wrong = world.log_in(EMAIL, "wrong-horse_9").await;
    assert_eq!((wrong.status, wrong.code()), (401, "INVALID_CREDENTIALS"));
    // One call each: a definite answer is not asked for again.
    world.google_will(json!({"forget_calls": true}));
    challenged(&world).await;
    assert_eq!(world.google.calls(SIGN_IN), 1);
}

#[tokio::test]
async fn legacy_password_is_void_once_the_factor_is_known() {
    let world = World::start().await;
    let (_, session) = enrolled(&world).await;
    assert!(has_hash(&world).await);
    challenged(&world).await;
    assert!(
        !has_hash(&world).await,
        "the legacy service would let them in by password alone"
    );
    let reason: String = world
        .app
        .database
        .value("SELECT reason FROM auth.set_aside_hashes")
        .await;
    assert_eq!(reason, "second_factor");
    // Neither a new password nor a reset brings it back.
    let token = session["idToken"].as_str().unwrap();
    let change = json!({"currentPassword": PASSWORD, "newPassword": OTHER});
    world
        .app
        .call_as("POST", "/auth/change-password", token, &change)
        .await
        .expect(200);
    assert!(!has_hash(&world).await);
    let code = world.mailed_code(EMAIL).await;
    world
        .post(
            "reset-password",
            &json!({"oobCode": code, "newPassword": PASSWORD}),
        )
        .await
        .expect(200);
    assert!(!has_hash(&world).await);
    challenged(&world).await;
}

#[tokio::test]
async fn token_of_a_second_factor_and_a_sync_set_the_hash_aside() {
    let world = World::start().await;
    enrolled(&world).await;
    let firebase = &world.app.app.accounts.firebase;
    let email = shared::ids::NormalizedEmail::parse(EMAIL).unwrap();
    let Err(firebase::FirebaseError::SecondFactor(pending)) = firebase.sign_in(&email, PASSWORD).await else {
        panic!("no challenge");
    };
    let totp = firebase::FactorAnswer::Totp {
        factor: "app",
        code: TOTP_CODE,
    };
    // The client finishes the sign-in at Google and comes with the token.
    world.next_second().await;
    let finished = firebase
        .finish_second_factor(&pending.challenge.mfa_pending_credential, &totp)
        .await
        .unwrap();
    assert!(has_hash(&world).await);
    world.app.get("/v1/auth/me", &finished.id_token).await.expect(200);
    assert!(!has_hash(&world).await);

    let world = World::start().await;
    let (id, _) = enrolled(&world).await;
    let sync = format!("/v1/users/{id}/sync");
    world
        .app
        .call_with_key("POST", &sync, crate::support::ADMIN_KEY, &json!({}))
        .await
        .expect(200);
    assert!(!has_hash(&world).await);
}

#[tokio::test]
async fn both_kinds_of_factor_finish_the_sign_in() {
    let world = World::start().await;
    let (id, _) = enrolled(&world).await;
    let details = challenged(&world).await;
    let totp = finish(
        &world,
        &details,
        json!({"mfaEnrollmentId": "app", "code": TOTP_CODE}),
    )
    .await
    .expect(200);
    assert_eq!(totp.body["data"]["user"]["id"], *id);
    assert_eq!(totp.body["data"]["uid"], *id);
    assert_eq!(totp.body["data"]["expiresIn"], "3600");
    let token = totp.body["data"]["idToken"].as_str().unwrap();
    world.app.get("/v1/auth/me", token).await.expect(200);

    let details = challenged(&world).await;
    let start = json!({
        "mfaPendingCredential": details["mfaPendingCredential"], "mfaEnrollmentId": "sms", "recaptchaToken": "proof",
    });
    let sent = world.post("mfa/start", &start).await.expect(200);
    let session = sent.body["data"]["sessionInfo"].clone();
    let sms = finish(
        &world,
        &details,
        json!({"sessionInfo": session, "code": SMS_CODE}),
    );
    sms.await.expect(200);
}

#[tokio::test]
async fn second_step_is_refused_by_name() {
    let world = World::start().await;
    enrolled(&world).await;
    let details = challenged(&world).await;
    for (body, status, code) in [
        (
            json!({"mfaEnrollmentId": "app", "code": "000000"}),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({"mfaEnrollmentId": "other", "code": TOTP_CODE}),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({"sessionInfo": "none", "code": SMS_CODE}),
            401,
            "TOKEN_EXPIRED",
        ),
        (json!({"code": SMS_CODE}), 400, "VALIDATION_ERROR"),
        (json!({"mfaEnrollmentId": "app"}), 400, "VALIDATION_ERROR"),
    ] {
        let refused = finish(&world, &details, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (status, code), "{body}");
    }
    let start = json!({"mfaPendingCredential": details["mfaPendingCredential"], "mfaEnrollmentId": "sms"});
    let refused = world.post("mfa/start", &start).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "SIGN_IN_BLOCKED"),
        "no proof of an app"
    );
    let stranger = json!({"mfaPendingCredential": "made-up"});
    let refused = finish(
        &world,
        &stranger,
        json!({"mfaEnrollmentId": "app", "code": TOTP_CODE}),
    )
    .await;
    assert_eq!((refused.status, refused.code()), (401, "TOKEN_EXPIRED"));
    world.google_will(json!({"pending_age": 301}));
    let old = finish(
        &world,
        &details,
        json!({"mfaEnrollmentId": "app", "code": TOTP_CODE}),
    )
    .await;
    assert_eq!((old.status, old.code()), (401, "TOKEN_EXPIRED"));
}

#[tokio::test]
async fn legacy_token_is_not_exchanged_past_the_factor() {
    let world = World::start().await;
    let (id, _) = enrolled(&world).await;
    let token = crate::support::legacy_token(&id, crate::support::now() + 1);
    let refused = world
        .app
        .call_as("POST", "/v1/auth/exchange", &token, &json!({}))
        .await;
    assert_eq!((refused.status, refused.code()), (403, "SECOND_FACTOR_REQUIRED"));
    assert!(!has_hash(&world).await);
}

#[tokio::test]
async fn deactivated_user_learns_it_and_gets_no_challenge() {
    let world = World::start().await;
    let (_, _) = enrolled(&world).await;
    world
        .app
        .database
        .execute("UPDATE auth.users SET is_active = false")
        .await
        .unwrap();
    let refused = world.log_in(EMAIL, PASSWORD).await;
    assert!(
        matches!(refused.code(), "USER_DISABLED" | "INVALID_CREDENTIALS"),
        "{}",
        refused.body
    );
    assert!(!refused.body.to_string().contains("mfaPendingCredential"));
}
