//! Access tokens without a key: from a user's login, another cloud's identity, another service account, or the machine; and Google's
//! signature for a service account.
//!
//! <https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>,
//! <https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts>,
//! <https://docs.cloud.google.com/compute/docs/metadata/overview>.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::aws;
use super::form::field;
use super::refusal::{Denied, Refusal};
use super::session::random;
use super::state::Shared;
use crate::keys::Key;
use crate::tokens::now;

/// The one accepted token of the other cloud.
pub const SUBJECT_TOKEN: &str = "subject-token";
/// The refresh token of the user who may manage accounts; the client is `client` and its secret `client-secret`.
pub const USER_REFRESH_TOKEN: &str = "user-refresh-token";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/sts/v1/token", post(exchange))
        .route("/subject", get(subject))
        .route("/aws/token", put(aws::session))
        .route("/aws/{*what}", get(aws::metadata))
        .route("/iam/v1/projects/-/serviceAccounts/{call}", post(service_account))
        .route(
            "/computeMetadata/v1/instance/service-accounts/default/{what}",
            get(metadata),
        )
}

/// A new access token, with the names that OAuth gives.
pub(super) fn granted(shared: &Shared) -> Value {
    let lifetime = shared.faults().access_token_seconds;
    let access_token = format!("ya29.{}", random());
    shared
        .store()
        .admit(access_token.clone(), now().saturating_add(lifetime));
    json!({"access_token": access_token, "expires_in": lifetime, "token_type": "Bearer"})
}

/// Exchanges a user's refresh token, of `POST /token`.
pub(super) fn of_user(shared: &Shared, body: &Bytes) -> Result<Value, Denied> {
    let is = |name, expected| field(body, name).as_deref() == Some(expected);
    if !is("client_id", "client") || !is("client_secret", "client-secret") {
        return Err(Denied("invalid_client", "Unauthorized"));
    }
    if !is("refresh_token", USER_REFRESH_TOKEN) {
        return Err(Denied("invalid_grant", "Token has been expired or revoked."));
    }
    Ok(granted(shared))
}

async fn exchange(State(shared): State<Shared>, body: Bytes) -> Result<Json<Value>, Denied> {
    let is = |name, expected| field(&body, name).as_deref() == Some(expected);
    if !is("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange") {
        return Err(Denied("unsupported_grant_type", "Invalid grant_type"));
    }
    let subject = field(&body, "subject_token").unwrap_or_default();
    let audience = field(&body, "audience").unwrap_or_default();
    let is_known = if is(
        "subject_token_type",
        "urn:ietf:params:aws:token-type:aws4_request",
    ) {
        aws::is_signed(&subject, &audience, now())
    } else {
        subject == SUBJECT_TOKEN
    };
    if !is_known || audience.is_empty() {
        return Err(Denied(
            "invalid_grant",
            "The given credential is rejected by the attribute condition.",
        ));
    }
    Ok(Json(granted(&shared)))
}

/// Another cloud's metadata server.
async fn subject(headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    if headers.get("metadata").is_some_and(|value| value == "true") {
        Ok(Json(json!({"access_token": SUBJECT_TOKEN})))
    } else {
        Err(StatusCode::BAD_REQUEST)
    }
}

async fn service_account(
    State(shared): State<Shared>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(given): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if !shared.store().is_admitted(bearer, now()) {
        return Err(Refusal::unauthenticated());
    }
    let (account, method) = call.rsplit_once(':').unwrap_or_default();
    if account != shared.service_account() {
        return Err(Refusal::new(403, "PERMISSION_DENIED"));
    }
    match method {
        "generateAccessToken" => {
            let granted = granted(&shared);
            let ends = now().saturating_add(granted["expires_in"].as_i64().unwrap_or_default());
            let ends = chrono::DateTime::from_timestamp(ends, 0).unwrap_or_default();
            Ok(Json(
                json!({"accessToken": granted["access_token"], "expireTime": ends.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)}),
            ))
        }
        "signBlob" => {
            let payload = given["payload"]
                .as_str()
                .and_then(|text| STANDARD.decode(text).ok());
            let payload = payload.ok_or_else(|| Refusal::bad("Invalid value at 'payload' (TYPE_BYTES)"))?;
            let key = Key::named("service-account").ok_or_else(|| Refusal::new(500, "INTERNAL"))?;
            Ok(Json(
                json!({"keyId": key.kid(), "signedBlob": STANDARD.encode(key.sign(&payload))}),
            ))
        }
        _ => Err(Refusal::new(404, "NOT_FOUND")),
    }
}

async fn metadata(State(shared): State<Shared>, Path(what): Path<String>, headers: HeaderMap) -> Response {
    if headers
        .get("metadata-flavor")
        .is_none_or(|value| value != "Google")
    {
        return StatusCode::FORBIDDEN.into_response();
    }
    match what.as_str() {
        "token" => Json(granted(&shared)).into_response(),
        "email" => shared.service_account().to_owned().into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
