//! Reads the clock; no other module does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use shared::time::UnixTime;

/// Seconds. The deployed program never sets it.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// The time in whole seconds.
#[must_use]
pub fn now() -> UnixTime {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    UnixTime::from_secs(seconds.saturating_add(AHEAD.load(Ordering::Relaxed)))
}

/// Lets this process' clock run ahead by `seconds`: for rehearsals of processes that take days.
pub fn run_ahead(seconds: i64) {
    AHEAD.store(seconds, Ordering::Relaxed);
}
