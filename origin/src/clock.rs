//! Reads the clock; no other module does.

use std::time::{SystemTime, UNIX_EPOCH};

use shared::time::UnixTime;

/// The time in whole seconds.
#[must_use]
pub fn now() -> UnixTime {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    UnixTime::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}
