//! The extractor that admits only proven identities.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use shared::headers;
use shared::identity::ProvenIdentity;
use shared::problem::ErrorCode;

use super::context::RequestContext;
use super::error::ApiError;
use crate::app::AppState;
use crate::clock;

/// The identity that the edge's assertion proves, or without one the `Authorization` header, verified here.
///
/// A request without a proof cannot reach a handler with this argument.
#[derive(Debug, Clone)]
pub struct Identity(pub Arc<ProvenIdentity>);

/// Marks that the request's credential has been counted.
#[derive(Clone)]
struct Counted;

impl FromRequestParts<AppState> for Identity {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let context = <RequestContext as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let now = clock::now();
        let identity = match context.edge_identity() {
            Some(identity) => Arc::clone(identity),
            None => app.verifier.verify(unverified_bearer(parts)?, now).await?,
        };
        // A handler and another extractor may both ask; the request counts once.
        if parts.extensions.insert(Counted).is_none() {
            app.metrics.legacy_tokens.note(&identity, now);
        }
        Ok(Self(identity))
    }
}

/// The one bearer token of the request, unverified.
fn unverified_bearer(parts: &Parts) -> Result<&str, ApiError> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(ApiError::new(ErrorCode::TokenMissing)),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(headers::bearer_token)
            .ok_or_else(|| {
                ApiError::new(ErrorCode::TokenMalformed)
                    .message("The Authorization header is not one Bearer token")
            }),
        (Some(_), Some(_)) => {
            Err(ApiError::new(ErrorCode::TokenMalformed)
                .message("There is more than one Authorization header"))
        }
    }
}
