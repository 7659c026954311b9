//! What the edge says itself: failures in either envelope, and its health.

use shared::headers;
use shared::problem::{self, Problem};
use shared::time::UnixTime;

use crate::changes::HeaderChanges;

/// An answer made here.
#[derive(Debug)]
pub struct OwnAnswer {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderChanges,
    /// Its body; empty for none.
    pub body: Vec<u8>,
}

/// The part of a request that shapes a failure's envelope.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The request's name.
    pub request_id: &'a str,
    /// The path it asked for.
    pub path: &'a str,
    /// Its `Accept` header.
    pub accept: Option<&'a str>,
}

impl OwnAnswer {
    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        let mut headers = HeaderChanges::new();
        headers.set("content-type", "application/json");
        headers.set("cache-control", "no-store");
        Self {
            status,
            headers,
            body,
        }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: HeaderChanges::new(),
            body: Vec::new(),
        }
    }

    /// A failure, as an RFC 9457 document if `Accept` names one, else in the envelope of both contracts.
    #[must_use]
    pub fn problem(problem: &Problem, asked: &Asked<'_>, now: UnixTime) -> Self {
        let mut answer = if problem::wants_problem_json(asked.accept) {
            let mut answer = Self::json(problem.status, problem.problem_json(asked.request_id, asked.path));
            answer.headers.set("content-type", "application/problem+json");
            answer
        } else {
            Self::json(problem.status, problem.envelope(asked.request_id, now))
        };
        if let Some(challenge) = problem.challenge() {
            answer.headers.set("www-authenticate", &challenge);
        }
        if let Some(seconds) = problem.retry_after {
            answer.headers.set("retry-after", &seconds.to_string());
        }
        answer
    }
}

/// Which side answered, why, and the request's name: on every answer, ours or not.
pub fn mark(headers: &mut HeaderChanges, request_id: &str, route: &str, reason: &str) {
    headers.set(headers::REQUEST_ID, request_id);
    headers.set(headers::ROUTE, route);
    headers.set(headers::ROUTE_REASON, reason);
}
