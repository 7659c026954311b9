//! HTTP: the list of routes, and the layers around every request.

mod accounts;
mod body;
mod changes;
mod context;
mod current_user;
mod error;
mod fields;
mod health;
mod holds;
mod identity;
mod ledger_json;
mod legacy;
mod limit;
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
use shared::problem::ErrorCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub use error::ApiError;

/// The largest body read, in bytes. The largest legitimate one is a batch of fifty registrations.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Every route of the service.
pub fn router(app: AppState) -> Router {
    Router::new()
        .merge(Router::from(routes()))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(app.clone(), limit::handle))
        .layer(middleware::from_fn_with_state(app.clone(), request_log::handle))
        .with_state(app)
}

/// Every documented route, with its handler's annotation.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(verify_token::router())
        .merge(accounts::router())
        .merge(legacy::router())
        .merge(tokens::router())
        .merge(holds::router())
        .routes(routes!(changes::changes))
        .merge(users::router())
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::page::document_route))
        .routes(routes!(openapi::page::page_route))
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
}

async fn no_route(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::NotFound).message(format!("Route {method} {} not found", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed)
        .message(format!("{} cannot be called with {method}", uri.path()))
}
