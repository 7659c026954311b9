//! The extractors of the internal routes: the calling service, and its idempotency key.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ledger::{Caller, IdempotencyKey, IdempotencyToken};
use shared::headers;
use shared::problem::ErrorCode;
use shared::service_keys::Service;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};

use super::error::ApiError;
use super::fields::texts;
use crate::app::AppState;

/// One of our own services, by the key in `X-Service-Key`.
#[derive(Debug, Clone)]
pub struct ServiceCaller(pub Service);

impl FromRequestParts<AppState> for ServiceCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let unverified = single(&parts.headers, headers::SERVICE_KEY);
        unverified
            .and_then(|key| app.config.service_keys.identify(key))
            .map(|service| Self(service.clone()))
            .ok_or_else(|| ApiError::new(ErrorCode::Forbidden).message("A service key is required"))
    }
}

/// One of our own services that may administer users.
#[derive(Debug, Clone)]
pub struct AdminCaller(pub Service);

impl FromRequestParts<AppState> for AdminCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let ServiceCaller(service) = ServiceCaller::from_request_parts(parts, app).await?;
        if service.admin {
            Ok(Self(service))
        } else {
            Err(ApiError::new(ErrorCode::Forbidden).message("The service key may not administer users"))
        }
    }
}

/// The caller of a movement, and the `Idempotency-Key` under which it happens once.
#[derive(Debug, Clone)]
pub struct MovementToken(pub IdempotencyToken);

impl FromRequestParts<AppState> for MovementToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let ServiceCaller(service) = ServiceCaller::from_request_parts(parts, app).await?;
        let invalid = |rule: &str| ApiError::invalid(vec![format!("Idempotency-Key {rule}")]);
        let caller = Caller::service(&service.name)
            .map_err(|error| ApiError::new(ErrorCode::Internal).caused_by(error))?;
        if !parts.headers.contains_key("idempotency-key") {
            return Err(invalid("is required"));
        }
        let key = single(&parts.headers, "idempotency-key")
            .ok_or_else(|| invalid("must be sent once, in ASCII"))?;
        let key = IdempotencyKey::parse(key).map_err(|error| invalid(error.0))?;
        Ok(Self(IdempotencyToken { caller, key }))
    }
}

impl IntoParams for MovementToken {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![idempotency_key(Required::True)]
    }
}

/// Describes the header.
pub fn idempotency_key(required: Required) -> Parameter {
    let text = "The caller's name for this one movement: the same key and request are answered alike, and it happens once.";
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(text))
        .required(required)
        .schema(Some(texts(1..=255).pattern(Some("^[!-~]([ -~]*[!-~])?$"))))
        .build()
}

/// The value of a header that was sent exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
