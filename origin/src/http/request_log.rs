//! The outer layer of every request: its id, the edge's assertion, a time limit, the rendering of failures, one log line.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::api::changes::PATH;
use shared::assertion::{AssertionRejection, Expected, FEED_AUDIENCE, ORIGIN_AUDIENCE, OpenedAssertion};
use shared::headers;
use shared::ids::RequestId;
use shared::problem::ErrorCode;
use shared::time::UnixTime;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use super::context::RequestContext;
use super::error::ApiError;
use crate::app::AppState;
use crate::clock;
use crate::metrics::method_name;
use crate::telemetry::span::{begin_request, end_request, trace_id};

/// Routes that machines call every few seconds: their spans would hide the others.
const NOT_TRACED: [&str; 4] = ["/livez", "/readyz", "/health", "/metrics"];

/// Names the request, opens the edge's assertion, limits the handler's time, renders failures and writes the log line.
pub async fn handle(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _active = app.metrics.begin();
    let now = clock::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = if NOT_TRACED.contains(&path.as_str()) {
        Span::none()
    } else {
        let route = route.as_ref().map(MatchedPath::as_str);
        begin_request(method_name(&method), route, request.headers())
    };
    let opened = open_assertion(&app, &request, now);
    let stated = opened.as_ref().ok().and_then(Option::as_ref);
    let context = RequestContext::new(
        request_id(stated, request.headers()),
        stated.and_then(|stated| stated.client_ip.as_deref()?.parse::<IpAddr>().ok()),
        stated.and_then(|stated| stated.identity.clone()),
        stated.is_some(),
    );
    let accept = request.headers().get(header::ACCEPT).cloned();
    let answer = match opened {
        Ok(_) => {
            request.extensions_mut().insert(context.clone());
            let answered = tokio::time::timeout(app.config.listen.request_timeout, next.run(request));
            answered.instrument(span.clone()).await.unwrap_or_else(|_| {
                ApiError::new(ErrorCode::UpstreamTimeout)
                    .reason("request_timeout")
                    .into_response()
            })
        }
        Err(error) => error.into_response(),
    };
    let request_id = context.request_id().as_str();
    let (mut response, error) = render(answer, accept.as_ref(), request_id, &path, now);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(headers::REQUEST_ID, value);
    }
    // Only for the edge, which removes the header: its breakers do not concern the parts of this service.
    let lacks = error.as_ref().and_then(ApiError::lacks);
    if let Some(lacks) = lacks.filter(|_| context.is_sealed()) {
        let name = HeaderValue::from_static(lacks.as_str());
        response.headers_mut().insert(headers::DEPENDENCY, name);
    }
    let trace_id = trace_id(&span);
    let code = || {
        error
            .as_ref()
            .map_or(ErrorCode::Internal.as_str(), |error| error.problem().code)
    };
    let status = response.status();
    end_request(&span, status.as_u16(), status.is_server_error().then(code));
    drop(span);
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    app.metrics
        .answered(&method, route, response.status().as_u16(), started.elapsed());
    if let Some(error) = &error {
        app.metrics
            .failed(error.problem().code, error.log_reason().unwrap_or_default());
    }
    let names = Names {
        request_id,
        trace_id: trace_id.as_deref(),
    };
    write_line(&method, route, &response, error.as_ref(), &names, started);
    response
}

/// The ids of a request, for searches.
struct Names<'a> {
    request_id: &'a str,
    trace_id: Option<&'a str>,
}

/// The edge's statement about this request, if there is one.
///
/// An assertion that does not open is never ignored: its sender is not our edge, or our keys disagree. The latter is a fault of ours, and
/// must not log a user out.
fn open_assertion(
    app: &AppState,
    request: &Request,
    now: UnixTime,
) -> Result<Option<OpenedAssertion>, ApiError> {
    let mut values = request.headers().get_all(headers::ASSERTION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match request.headers().get(headers::ASSERTION) {
            None => Ok(None),
            Some(_) => Err(refused(AssertionRejection::Malformed)),
        };
    };
    let unverified = value
        .to_str()
        .map_err(|_| refused(AssertionRejection::Malformed))?;
    let path = request.uri().path();
    let expected = |audience| Expected {
        audience,
        method: request.method().as_str(),
        path,
    };
    let (keys, skew) = (&app.config.assertion_keys, app.config.tokens.skew);
    let opened = if path == PATH {
        let keys = keys.for_audience(FEED_AUDIENCE);
        keys.open(unverified, &expected(FEED_AUDIENCE), now, skew)
    } else {
        keys.open(unverified, &expected(ORIGIN_AUDIENCE), now, skew)
    };
    opened.map(Some).map_err(refused)
}

fn refused(rejection: AssertionRejection) -> ApiError {
    let code = match rejection {
        AssertionRejection::KeyUnknown | AssertionRejection::Expired => ErrorCode::ConfigInvalid,
        AssertionRejection::Malformed
        | AssertionRejection::Signature
        | AssertionRejection::Audience
        | AssertionRejection::Request => ErrorCode::Forbidden,
    };
    ApiError::new(code)
        .message("The identity assertion was not accepted")
        .reason(rejection.reason())
}

/// The id from the edge, else the caller's if it is valid, else a new one.
fn request_id(stated: Option<&OpenedAssertion>, headers: &HeaderMap) -> RequestId {
    if let Some(stated) = stated {
        return stated.request_id.clone();
    }
    headers
        .get(headers::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| RequestId::parse(text).ok())
        .unwrap_or_else(|| RequestId::from_random(Uuid::new_v4().into_bytes()))
}

fn render(
    mut answer: Response,
    accept: Option<&HeaderValue>,
    request_id: &str,
    path: &str,
    now: UnixTime,
) -> (Response, Option<ApiError>) {
    match answer.extensions_mut().remove::<ApiError>() {
        None => (answer, None),
        Some(error) => {
            let accept = accept.and_then(|value| value.to_str().ok());
            let mut rendered = error.render(accept, request_id, path, now);
            // Such as `Allow` beside a 405.
            for (name, value) in answer.headers() {
                if name != header::CONTENT_LENGTH && !rendered.headers().contains_key(name) {
                    rendered.headers_mut().insert(name.clone(), value.clone());
                }
            }
            (rendered, Some(error))
        }
    }
}

/// The route is the template, never the path: paths contain ids.
fn write_line(
    method: &axum::http::Method,
    route: &str,
    response: &Response,
    error: Option<&ApiError>,
    names: &Names<'_>,
    started: Instant,
) {
    let status = response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (method, code) = (method.as_str(), error.map(|error| error.problem().code));
    let reason = error.and_then(ApiError::log_reason);
    let (request_id, trace_id) = (names.request_id, names.trace_id);
    if status >= 500 {
        let cause = error.and_then(ApiError::log_cause);
        tracing::error!(
            method, route, status, code, reason, cause, micros, request_id, trace_id, "request"
        );
    } else {
        tracing::info!(
            method, route, status, code, reason, micros, request_id, trace_id, "request"
        );
    }
}
