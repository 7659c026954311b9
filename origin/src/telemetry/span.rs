//! What a span says. Its attributes are of OpenTelemetry's HTTP conventions, and none can hold anything about a user: methods, route
//! templates, statuses and codes. <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::trace_context::Place;

/// Something that took time.
#[derive(Debug)]
pub struct Span {
    pub(super) place: Place,
    pub(super) call: Call,
    pub(super) outcome: Outcome,
    /// Since 1970.
    pub(super) started: Duration,
    pub(super) took: Duration,
}

/// What was called.
#[derive(Debug)]
pub enum Call {
    /// A request that we answered.
    Answered {
        /// Its method, one of those known.
        method: &'static str,
        /// The template of its route, if one matched.
        route: Option<String>,
    },
    /// A `POST` of ours to Google.
    Made {
        /// The API's method, such as `accounts:lookup`.
        api: String,
    },
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The HTTP status, where there is one.
    pub status: Option<u16>,
    /// `error.type`: a code of ours, if it failed.
    pub error: Option<&'static str>,
}

/// A span that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) place: Place,
    at: Instant,
    started: Duration,
}

impl Begun {
    pub(super) fn now(place: Place) -> Self {
        Self {
            place,
            at: Instant::now(),
            started: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        }
    }

    /// Measured by the clock that is never set back.
    pub(super) fn end(self, call: Call, outcome: Outcome) -> Span {
        Span {
            place: self.place,
            call,
            outcome,
            started: self.started,
            took: self.at.elapsed(),
        }
    }
}
