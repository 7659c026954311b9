//! The functions that this crate needs from its process.

use shared::time::UnixTime;

use super::FirebaseError;

/// The functions that the process provides.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The time, in whole seconds.
    pub now: fn() -> UnixTime,
    /// Begins the span of a call to Google; `None` without a trace.
    pub begin_call: fn() -> Option<CallSpan>,
}

/// Ends the span.
pub type CallSpan = Box<dyn FnOnce(Made) + Send>;

/// A finished call for a trace: it says nothing about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The API's method, such as `accounts:lookup`.
    pub method: String,
    /// The HTTP status, where it is still known: a 400 of Google has become an error with a meaning.
    pub status: Option<u16>,
    /// The stable code of the failure, if it failed.
    pub error: Option<&'static str>,
}

impl Made {
    pub(super) fn of(method: &str, error: Option<&FirebaseError>) -> Self {
        Self {
            method: method.to_owned(),
            status: error.map_or(Some(200), FirebaseError::status),
            error: error.map(|error| error.code().as_str()),
        }
    }
}
