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

/// Closes the account: the row stays, under an address nobody has. No password is asked for.
pub async fn close(State(service): Shared, Caller(person): Caller) -> Result<Response, Failure> {
    let now = Utc::now();
    let original = person.email.clone().unwrap_or_default();
    let mut transaction = service.pool.begin().await?;
    sqlx::query(
        "UPDATE auth.users SET email = $2, token_balance = 0, is_active = false, updated_at = now() WHERE id = $1",
    )
    .bind(person.id)
    .bind(format!("deleted_{}_{original}", now.timestamp_millis()))
    .execute(&mut *transaction)
    .await?;
    sqlx::query("DELETE FROM auth.user_profiles WHERE user_id = $1")
        .bind(person.id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    // Nested twice; clients' types depend on it.
    let data = json!({
        "message": "Account deleted successfully",
        "data": {"deletedAt": time(now), "originalEmail": original},
    });
    Ok(ok(&data))
}

/// Replaces the password. The tokens issued before go on being good.
pub async fn change_password(
    State(service): Shared,
    Caller(person): Caller,
    mut input: Input,
) -> Result<Response, Failure> {
    let current = input.required("currentPassword", not_empty);
    let new = input.required("newPassword", password);
    input.finish()?;
    if !passwords::verify(current, person.password_hash).await? {
        // Documented as 400; nobody catches it.
        return Err(Failure::internal("the current password is wrong"));
    }
    let hash = passwords::hash(new).await?;
    sqlx::query("UPDATE auth.users SET password_hash = $2 WHERE id = $1")
        .bind(person.id)
        .bind(hash)
        .execute(&service.pool)
        .await?;
    Ok(success(
        StatusCode::OK,
        "Password changed successfully",
        &Value::Null,
    ))
}

/// Says goodbye; the token goes on being good.
pub async fn logout(Caller(_): Caller) -> Response {
    success(StatusCode::OK, "Logout successful", &Value::Null)
}
