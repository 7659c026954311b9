//! A refusal as an HTTP response: the envelope of both contracts, or RFC 9457 for clients that ask for it.

use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{Response, StatusCode};
use shared::headers;
use shared::ids::RequestId;
use shared::problem::{self, Problem};
use shared::time::UnixTime;

pub(crate) fn response<B: From<Vec<u8>>>(problem: &Problem, parts: &Parts, now: UnixTime) -> Response<B> {
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let request_id = text(HeaderName::from_static(headers::REQUEST_ID))
        .filter(|id| RequestId::parse(*id).is_ok())
        .unwrap_or_default();
    let wants_problem = problem::wants_problem_json(text(ACCEPT));
    let (body, media_type) = if wants_problem {
        (
            problem.problem_json(request_id, parts.uri.path()),
            "application/problem+json",
        )
    } else {
        (problem.envelope(request_id, now), "application/json")
    };
    let mut response = Response::new(B::from(body));
    *response.status_mut() =
        StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let answered = response.headers_mut();
    answered.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = problem
        .challenge()
        .and_then(|text| HeaderValue::try_from(text).ok())
    {
        answered.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = problem.retry_after {
        answered.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Ok(id) = HeaderValue::from_str(request_id)
        && !request_id.is_empty()
    {
        answered.insert(HeaderName::from_static(headers::REQUEST_ID), id);
    }
    response
}
