//! `DELETE /auth/account`, `POST /auth/change-password`, `POST /auth/logout`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use serde_json::{Value, json};

use super::answer::{Failure, ok, success, time};
use super::bearer::Caller;
use super::input::{Input, not_empty, password};
use super::{Shared, passwords};

/// Closes the account: the row stays, under an address that nobody has. It asks for no password.
pub async fn close(State(service): Shared, Caller(user): Caller) -> Result<Response, Failure> {
    let now = Utc::now();
    let original = user.email.clone().unwrap_or_default();
    let mut transaction = service.pool.begin().await?;
    sqlx::query(
        "UPDATE auth.users SET email = $2, token_balance = 0, is_active = false, updated_at = now() WHERE id = $1",
    )
    .bind(user.id)
    .bind(format!("deleted_{}_{original}", now.timestamp_millis()))
    .execute(&mut *transaction)
    .await?;
    sqlx::query("DELETE FROM auth.user_profiles WHERE user_id = $1")
        .bind(user.id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    // `data` is nested twice; clients' types depend on it.
    let data = json!({
        "message": "Account deleted successfully",
        "data": {"deletedAt": time(now), "originalEmail": original},
    });
    Ok(ok(&data))
}

/// Replaces the password. Tokens issued before stay good.
pub async fn change_password(
    State(service): Shared,
    Caller(user): Caller,
    mut input: Input,
) -> Result<Response, Failure> {
    let current = input.required("currentPassword", not_empty);
    let new = input.required("newPassword", password);
    input.finish()?;
    if !passwords::verify(current, user.password_hash).await? {
        // Documented as 400; no code catches it.
        return Err(Failure::internal("the current password is wrong"));
    }
    let hash = passwords::hash(new).await?;
    sqlx::query("UPDATE auth.users SET password_hash = $2 WHERE id = $1")
        .bind(user.id)
        .bind(hash)
        .execute(&service.pool)
        .await?;
    Ok(success(
        StatusCode::OK,
        "Password changed successfully",
        &Value::Null,
    ))
}

/// Signs out in name only: the token stays good.
pub async fn logout(Caller(_): Caller) -> Response {
    success(StatusCode::OK, "Logout successful", &Value::Null)
}
