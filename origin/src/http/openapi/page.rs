//! Serving the document, and the page to read it.

use axum::http::header;
use axum::response::IntoResponse;

use super::compact;

/// The page brings its own style and script, and may ask for nothing but the document.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`.
pub async fn document_route() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], compact())
}

/// `GET /docs`: works without a network beyond this service.
pub async fn page_route() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, include_str!("page.html"))
}
