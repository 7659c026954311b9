//! Settings of the two servers, from environment variables.

use std::str::FromStr;

/// A variable that is set and not empty.
#[must_use]
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A required variable.
///
/// # Errors
/// Names the variable.
pub fn required(name: &str) -> Result<String, String> {
    text(name).ok_or_else(|| format!("{name} is not set"))
}

/// A variable of another type than text, or `default`.
///
/// # Errors
/// Names the variable.
pub fn parsed<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    text(name).map_or(Ok(default), |value| {
        value.parse().map_err(|_| format!("{name} is not valid"))
    })
}
