//! What this crate needs of the process it runs in.

use shared::time::UnixTime;

use super::FirebaseError;

/// What the process hands in.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// The time, in whole seconds.
    pub now: fn() -> UnixTime,
    /// Begins the span of a call to Google; `None` where the work at hand is not traced.
    pub begin_call: fn() -> Option<CallSpan>,
}

/// Ends the span that has begun.
pub type CallSpan = Box<dyn FnOnce(Made) + Send>;

/// A call that was made, as a trace shows it: nothing about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The API's method, such as `accounts:lookup`.
    pub method: String,
    /// The HTTP status, where it is still known: what Google refuses with 400 has become an error with a meaning.
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
