//! The list of routes.

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{accounts, changes, health, holds, legacy, metrics, openapi, tokens, users, verify_token};
use crate::app::AppState;

/// Every documented route, with its handler's annotation.
pub(super) fn routes() -> OpenApiRouter<AppState> {
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
