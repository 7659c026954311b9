//! The runtime's clock. It advances with I/O only.

use shared::time::UnixTime;

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> u64 {
    // A number of milliseconds is far below 2^53.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates"
    )]
    let milliseconds = js_sys::Date::now() as u64;
    milliseconds
}

/// The time, in whole seconds.
pub(super) fn now() -> UnixTime {
    UnixTime::from_secs(i64::try_from(now_ms().div_euclid(1000)).unwrap_or(i64::MAX))
}
