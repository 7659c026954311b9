//! `POST /auth/login`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::answer::{Failure, success};
use super::input::{Input, email, not_empty, username};
use super::users::User;
use super::{Shared, passwords};

/// By address or by username, never both.
pub async fn login(State(service): Shared, mut input: Input) -> Result<Response, Failure> {
    let (email, username) = (
        input.optional("email", email),
        input.optional("username", username),
    );
    let password = input.required("password", not_empty);
    if email.is_some() == username.is_some() {
        input.fault("value", "must contain exactly one of [email, username]");
    }
    input.finish()?;
    let found = match (email, username) {
        (Some(email), _) => User::by_email(&service.pool, &email).await?,
        (None, Some(username)) => User::by_username(&service.pool, &username).await?,
        (None, None) => None,
    };
    let user = found.ok_or_else(|| {
        let message = "No account with this email or username";
        Failure::new(StatusCode::NOT_FOUND, "IDENTIFIER_NOT_FOUND", message)
    })?;
    if !passwords::verify(password, user.password_hash.clone()).await? {
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "INVALID_PASSWORD",
            "Invalid password",
        ));
    }
    let token = service.issue(&user);
    let (pool, id) = (service.pool.clone(), user.id);
    // The service notes the sign-in after the answer; nobody waits for it, and nobody learns when it fails.
    tokio::spawn(async move {
        let _ = sqlx::query("UPDATE auth.users SET last_login = now() WHERE id = $1")
            .bind(id)
            .execute(&pool)
            .await;
    });
    let data = json!({"user": user.shown(), "token": token});
    Ok(success(StatusCode::OK, "Login successful", &data))
}
