//! New users and their tokens.

use serde_json::{Value, json};
use testkit::tokens::{Draft, FirebaseUser, LegacyUser, firebase_id_token, legacy_token, now};
use uuid::Uuid;

use crate::answer::Answer;
use crate::stack;

const WEEK_SECONDS: i64 = 7 * 24 * 3_600;

/// A new user at the issuer, with a verified address.
pub fn stranger() -> FirebaseUser {
    let name = Uuid::new_v4().simple().to_string();
    FirebaseUser::new(&format!("uid-{name}"), &format!("{name}@example.com"))
}

/// An ID token of `user`, good for the stack's project; a test may spoil it before it mints it.
pub fn id_token(user: &FirebaseUser) -> Draft {
    firebase_id_token(&stack::project(), user, now())
}

/// A good ID token of a new user.
pub fn new_token() -> String {
    id_token(&stranger()).mint()
}

/// Deactivates the user with this id.
pub async fn deactivate(id: &str) {
    stack::origin()
        .post(&format!("/v1/users/{id}/deactivate"), &json!({}))
        .header("x-service-key", &stack::variable("E2E_SERVICE_KEY"))
        .send()
        .await
        .expect(200);
}

/// Deactivates the holder of `token`.
pub async fn deactivate_holder(token: &str) {
    let id = stack::edge().me(token).await.expect(200).text_at("/data/user/id");
    deactivate(&id).await;
}

/// A legacy token of a user who need not exist; a test may spoil it before it mints it.
pub fn legacy_draft() -> Draft {
    let id = Uuid::new_v4().to_string();
    let user = LegacyUser {
        email: format!("{id}@example.com"),
        id,
        username: None,
        user_type: "user".to_owned(),
        token_balance: 3,
    };
    legacy_token(
        &user,
        stack::variable("E2E_LEGACY_SECRET").as_bytes(),
        now(),
        WEEK_SECONDS,
    )
}

/// A new user registers with the legacy service. Returns the body sent (good for signing in, too) and the answer.
pub async fn register_with_legacy() -> (Value, Answer) {
    let name = Uuid::new_v4().simple().to_string();
    let user = json!({ "email": format!("{name}@example.com"), "password": "old password 1" });
    let mut registration = user.clone();
    registration["username"] = name.into();
    let answer = stack::legacy()
        .post("/auth/register", &registration)
        .send()
        .await
        .expect(201);
    (user, answer)
}
