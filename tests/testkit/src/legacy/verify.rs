//! `POST /auth/verify-token`

use std::sync::PoisonError;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::answer::{Failure, ok};
use super::bearer::Refused;
use super::input::{Input, not_empty};
use super::users::User;
use super::{Service, Shared};

/// Whether the token in the body is good. It answers 200 either way, to any caller.
pub async fn verify(State(service): Shared, mut input: Input) -> Result<Response, Failure> {
    let token = input.required("token", not_empty);
    input.finish()?;
    let data = match holder(&service, &token).await {
        Ok(user) => json!({
            "valid": true,
            "user": {"id": user.id, "email": user.email, "user_type": user.user_type},
        }),
        Err(refused) => json!({"valid": false, "error": refused.words()}),
    };
    Ok(ok(&data))
}

async fn holder(service: &Service, token: &str) -> Result<User, Refused> {
    let id = service.read(token)?;
    let Some(cache) = &service.cache else {
        return service.active(id).await;
    };
    let known = cache.lock().unwrap_or_else(PoisonError::into_inner).get(id);
    if let Some(user) = known {
        return Ok(user);
    }
    let user = service.active(id).await?;
    cache
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .put(user.clone());
    Ok(user)
}
