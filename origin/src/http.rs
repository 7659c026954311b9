//! HTTP: the list of routes, and the layers around every request.

mod accounts;
mod body;
mod changes;
mod context;
mod current_user;
pub mod document;
mod error;
mod fields;
mod health;
mod holds;
mod identity;
mod ledger_json;
mod legacy;
mod limit;
mod metrics;
mod openapi;
mod path_text;
mod request_log;
mod routes;
mod service_caller;
mod success;
mod tokens;
mod users;
mod verify_token;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::{Extension, Router};
use shared::problem::ErrorCode;

use crate::app::AppState;
use body::MAX_BODY_BYTES;
use openapi::page::Text;

pub use error::ApiError;

/// Every route of the service.
pub fn router(app: AppState) -> Router {
    Router::new()
        .merge(Router::from(routes::routes()))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(Extension(Text(document::compact)))
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
