//! The success envelope of the new contract. Failures: [`crate::problem`].

use serde::Serialize;

use crate::time::UnixTime;

/// `{success:true, data, message, timestamp}`.
#[derive(Debug, Clone, Serialize)]
pub struct Success<T> {
    /// Always `true`.
    pub success: bool,
    /// What was asked for.
    pub data: T,
    /// In words for the user.
    pub message: &'static str,
    /// RFC 3339, whole seconds, UTC.
    pub timestamp: String,
}

impl<T> Success<T> {
    /// The envelope around `data`, stamped `now`.
    pub fn new(data: T, message: &'static str, now: UnixTime) -> Self {
        Self {
            success: true,
            data,
            message,
            timestamp: now.to_rfc3339().unwrap_or_default(),
        }
    }
}
