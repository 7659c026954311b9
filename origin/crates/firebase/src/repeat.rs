//! When a call is repeated, and when calls pause.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::FirebaseError;

/// The most times one call is made.
const MAX_ATTEMPTS: u32 = 3;
/// A call is not repeated this long after the first attempt: its caller waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The pause in seconds after a quota refusal that gives none.
const DEFAULT_PAUSE_SECONDS: u32 = 1;
/// The longest pause in seconds, even if Google asks for more: an error there must not stop sign-ins here for a day.
const LONGEST_PAUSE_SECONDS: u32 = 60;
/// Methods with the same result however often they are called. They do not include creating an account, mailing a code, using it up, or
/// importing: a second import would undo changes made between the two calls.
const IDEMPOTENT: [&str; 7] = [
    ":createSessionCookie",
    "accounts:batchGet",
    "accounts:delete",
    "accounts:lookup",
    "accounts:signInWithPassword",
    "accounts:update",
    "token",
];

/// The pause before the next call of `method` after `error`, its `attempt`-th failure; `None` for no further call.
///
/// A call that was never sent may always be repeated. One that timed out is not: its time is used up, and the service is under load.
pub(super) fn pause_before_next(
    method: &str,
    error: &FirebaseError,
    attempt: u32,
    since_first: Duration,
) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS || since_first >= PATIENCE {
        return None;
    }
    let again = match error {
        FirebaseError::Unavailable(cause) if cause.is_connect() => true,
        FirebaseError::Unavailable(cause) => !cause.is_timeout() && IDEMPOTENT.contains(&method),
        FirebaseError::Outage { status, .. } => {
            (*status >= 500 || *status == 408) && IDEMPOTENT.contains(&method)
        }
        _ => false,
    };
    again.then(|| FIRST_PAUSE.saturating_mul(1 << attempt.saturating_sub(1)))
}

/// The methods that Google asked this service not to call for a while.
#[derive(Debug, Default)]
pub(super) struct Pauses(Mutex<BTreeMap<String, Instant>>);

impl Pauses {
    /// Whether `method` may be called at `now`.
    ///
    /// # Errors
    /// [`FirebaseError::Exhausted`] with the seconds that are left.
    pub(super) fn check(&self, method: &str, now: Instant) -> Result<(), FirebaseError> {
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = pauses.get(method) else {
            return Ok(());
        };
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            pauses.remove(method);
            return Ok(());
        }
        let retry_after = u32::try_from(left.as_secs().saturating_add(1)).unwrap_or(LONGEST_PAUSE_SECONDS);
        Err(FirebaseError::Exhausted { retry_after })
    }

    /// Notes that `method` must pause for `seconds` from `now` on.
    pub(super) fn note(&self, method: &str, seconds: u32, now: Instant) {
        let pause = Duration::from_secs(u64::from(seconds.min(LONGEST_PAUSE_SECONDS)));
        if let Some(until) = now.checked_add(pause) {
            let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pauses.insert(method.to_owned(), until);
        }
    }
}

/// Seconds of a `Retry-After` header; RFC 9110 section 10.2.3 also allows a date, which Google does not send.
pub(super) fn retry_after(headers: &reqwest::header::HeaderMap) -> u32 {
    headers
        .get(reqwest::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_PAUSE_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16) -> FirebaseError {
        FirebaseError::Outage {
            status,
            code: String::new(),
        }
    }

    #[test]
    fn only_harmless_calls_are_repeated_a_few_times() {
        let soon = Duration::ZERO;
        for (method, status, attempt, elapsed, pause) in [
            ("accounts:lookup", 503, 1, soon, Some(100)),
            ("accounts:lookup", 500, 2, soon, Some(200)),
            ("accounts:lookup", 503, 3, soon, None),
            ("accounts:lookup", 503, 1, PATIENCE, None),
            ("accounts:lookup", 408, 1, soon, Some(100)),
            ("accounts:lookup", 200, 1, soon, None),
            ("accounts", 503, 1, soon, None),
            ("accounts:batchCreate", 503, 1, soon, None),
            ("accounts:sendOobCode", 503, 1, soon, None),
        ] {
            let decided = pause_before_next(method, &failed(status), attempt, elapsed);
            assert_eq!(
                decided,
                pause.map(Duration::from_millis),
                "{method} {status} {attempt}"
            );
        }
        for error in [
            FirebaseError::TooManyAttempts,
            FirebaseError::Exhausted { retry_after: 1 },
            FirebaseError::InvalidCredentials,
            FirebaseError::BlockerFailed,
            FirebaseError::Refused {
                status: 400,
                code: String::new(),
            },
            FirebaseError::OurCredentials {
                status: 403,
                code: String::new(),
            },
        ] {
            assert_eq!(
                pause_before_next("accounts:lookup", &error, 1, soon),
                None,
                "{error}"
            );
        }
    }

    #[test]
    fn pause_is_kept_and_ends() {
        let pauses = Pauses::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        pauses.note("accounts:lookup", 7, now);
        pauses.note("accounts:update", 100_000, now);
        let left = |method: &str, seconds: u64| match pauses.check(method, at(seconds)) {
            Err(FirebaseError::Exhausted { retry_after }) => Some(retry_after),
            _ => None,
        };
        assert_eq!(left("accounts:lookup", 5), Some(3));
        assert_eq!(left("accounts:lookup", 7), None);
        assert_eq!(left("accounts", 1), None);
        assert_eq!(left("accounts:update", 61), None);
    }
}
