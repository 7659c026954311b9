//! Serves the document, and the page to read it.

use axum::Extension;
use axum::http::header;
use axum::response::IntoResponse;

use super::names::OPERATORS;

/// The document's text. It lists the routes, this one among them, and so comes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Text(pub fn() -> &'static str);

/// The page contains its own style and script, and may fetch only the document.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// This document
#[utoipa::path(get, path = "/openapi.json", operation_id = "getDocument", tag = OPERATORS,
    responses((status = 200, description = "OpenAPI 3.1.", body = Object)))]
pub async fn document_route(Extension(text): Extension<Text>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], (text.0)())
}

/// This document, as a page to read
#[utoipa::path(get, path = "/docs", operation_id = "getDocumentPage", tag = OPERATORS,
    responses((status = 200, description = "A page that needs nothing else from the network.", content_type = "text/html", body = String)))]
pub async fn page_route() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, include_str!("page.html"))
}
