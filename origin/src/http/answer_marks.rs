//! What every answer of the edge's says, stated here where the edge asks for it: it can then hand the answer on as it is.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, VARY};
use shared::assertion::AnswerMarks;
use shared::headers::{ROUTE, ROUTE_REASON};
use shared::routing::Side;

const ROUTE_NAME: HeaderName = HeaderName::from_static(ROUTE);
const REASON_NAME: HeaderName = HeaderName::from_static(ROUTE_REASON);

/// States `marks` in the headers of an answer.
pub(super) fn state(headers: &mut HeaderMap, marks: &AnswerMarks<'_>) {
    let Ok(reason) = HeaderValue::from_str(&marks.reason) else {
        return;
    };
    headers.insert(ROUTE_NAME, HeaderValue::from_static(Side::V2.as_str()));
    headers.insert(REASON_NAME, reason);
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if marks.varies_by_origin {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}
