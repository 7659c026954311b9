//! Counts public calls, and calls with a password, by the caller's network.

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use limits::SlowDown;
use shared::headers;
use shared::limits::{Key, Limit, Quota};
use shared::problem::{ErrorCode, Problem};

use super::context::RequestContext;
use super::error::ApiError;
use crate::app::AppState;

/// Lets the call through, or answers 429. Calls of our own services are not counted, nor those with an unconfirmed client address: all of
/// them together are not one caller.
pub async fn handle(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let Some((limit, caller)) = counted(&app, &request) else {
        return next.run(request).await;
    };
    match app.limits.call(limit, &caller).await {
        Ok(()) => next.run(request).await,
        Err(slow) => refused(limit, app.limits.quota(limit), slow),
    }
}

/// The limit of the request, and the key of its caller.
fn counted(app: &AppState, request: &Request) -> Option<(Limit, Key)> {
    let path = request.extensions().get::<MatchedPath>()?;
    let limit = Limit::of(request.method().as_str(), path.as_str())?;
    let context = request.extensions().get::<RequestContext>()?;
    let address = context.source().source_ip?;
    let counts = !limit.is_per_user() && !is_ours(app, request);
    counts.then(|| (limit, app.limits.network(Some(address))))
}

fn is_ours(app: &AppState, request: &Request) -> bool {
    let key = request.headers().get(headers::SERVICE_KEY);
    key.and_then(|key| key.to_str().ok())
        .is_some_and(|key| app.config.service_keys.identify(key).is_some())
}

/// The answer, with the headers of draft-ietf-httpapi-ratelimit-headers-10.
pub fn refused(limit: Limit, quota: Quota, slow: SlowDown) -> Response {
    let problem = Problem::new(ErrorCode::RateLimited).retry_after(slow.retry_after);
    let mut response = ApiError::from(problem).reason(limit.as_str()).into_response();
    let name = limit.name();
    for (header, value) in [
        (
            "ratelimit-policy",
            format!("\"{name}\";q={};w={}", quota.calls, quota.seconds),
        ),
        ("ratelimit", format!("\"{name}\";r=0;t={}", slow.retry_after)),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(header, value);
        }
    }
    response
}
