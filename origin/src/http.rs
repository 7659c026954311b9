//! HTTP: the list of routes, and what every request passes through.

mod accounts;
mod balance;
mod body;
mod changes;
mod context;
mod current_user;
mod error;
mod health;
mod holds;
mod identity;
mod ledger_json;
mod legacy;
mod limit;
mod me;
mod metrics;
pub mod openapi;
mod path_text;
mod request_log;
mod service_caller;
mod success;
mod tokens;
mod users;
mod verify_token;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::routing::{get, post};
use shared::problem::ErrorCode;

use crate::app::AppState;

pub use error::ApiError;

/// The largest body read, in bytes. The largest legitimate one is a batch of fifty registrations.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Every route of the service.
pub fn router(app: AppState) -> Router {
    Router::new()
        .route("/v1/auth/me", get(me::me))
        .route("/v1/auth/verify-token", post(verify_token::verify_token))
        .route("/v1/token/verify", post(verify_token::verify_token))
        .route("/v1/token/verify-header", post(verify_token::verify_header))
        .route("/v1/tokens/balance", get(balance::balance))
        .route("/v1/tokens/transfers", get(tokens::transfers))
        .route("/v1/changes", get(changes::changes))
        .route("/v1/users/{id}/tokens/credit", post(tokens::credit))
        .route("/v1/users/{id}/tokens/debit", post(tokens::debit))
        .route("/v1/users/{id}/holds", post(holds::reserve))
        .route("/v1/holds/{id}/capture", post(holds::capture))
        .route("/v1/holds/{id}/release", post(holds::release))
        .merge(accounts::router())
        .merge(users::router())
        .merge(legacy::router())
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(openapi::document_route))
        .route("/docs", get(openapi::page_route))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/health", get(health::health))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), limit::handle))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::handle))
        .with_state(app)
}

async fn no_route(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::NotFound).message(format!("Route {method} {} not found", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed)
        .message(format!("{} cannot be called with {method}", uri.path()))
}
