//! When to stop sending to a service that fails, and when to try it again. A state machine without a clock; its owner reports
//! every outcome.

use crate::time::UnixTime;

/// This many failures in a row open the breaker.
pub const FAILURES_IN_A_ROW: u32 = 5;
/// Or half of at least this many requests within [`WINDOW_SECONDS`].
pub const MIN_REQUESTS: u32 = 20;
/// The window in which requests are counted, in seconds.
pub const WINDOW_SECONDS: i64 = 10;
/// How long the breaker stays open the first time, in seconds. Doubles with each failed probe up to [`MAX_OPEN_SECONDS`].
pub const OPEN_SECONDS: i64 = 2;
/// The longest the breaker stays open without a probe, in seconds.
pub const MAX_OPEN_SECONDS: i64 = 16;

/// Whether a request may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Send it.
    Send,
    /// Send it: it is the one request that finds out whether the service is back.
    Probe,
    /// Do not send it.
    Refuse {
        /// Seconds until the next probe, at least 1.
        retry_after: u32,
    },
}

/// A breaker for one service.
#[derive(Debug, Clone, Default)]
pub struct Breaker {
    state: State,
    window: Window,
    in_a_row: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    Open {
        until: UnixTime,
        pause: i64,
    },
    /// A probe is out. Its owner may be cancelled, so after `pause` another may go.
    Probing {
        since: UnixTime,
        pause: i64,
    },
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began: Option<UnixTime>,
    requests: u32,
    failures: u32,
}

impl Breaker {
    /// Asks whether a request may be sent at `now`. Whoever is told [`Admission::Send`] or [`Admission::Probe`] reports the outcome
    /// with [`Self::record`].
    pub fn admit(&mut self, now: UnixTime) -> Admission {
        match self.state {
            State::Closed => Admission::Send,
            State::Open { until, pause } => {
                let left = until.since(now);
                // A clock that stepped back must not keep the breaker open.
                if left > 0 && left <= pause {
                    return refuse(left);
                }
                self.state = State::Probing { since: now, pause };
                Admission::Probe
            }
            State::Probing { since, pause } => {
                let waited = now.since(since);
                if (0..pause).contains(&waited) {
                    return refuse(pause.saturating_sub(waited));
                }
                self.state = State::Probing { since: now, pause };
                Admission::Probe
            }
        }
    }

    /// Reports how a request went: `failed` means no answer in time, or one that says the service is down.
    pub fn record(&mut self, failed: bool, now: UnixTime) {
        self.window.record(failed, now);
        self.in_a_row = if failed {
            self.in_a_row.saturating_add(1)
        } else {
            0
        };
        match (self.state, failed) {
            (State::Closed, true) if self.in_a_row >= FAILURES_IN_A_ROW || self.window.is_bad() => {
                self.open(OPEN_SECONDS, now);
            }
            (State::Closed, _) => {}
            (State::Probing { pause, .. }, true) => {
                self.open(pause.saturating_mul(2).min(MAX_OPEN_SECONDS), now);
            }
            // Any answer is good news, also one that was on its way when the breaker opened.
            (State::Open { .. } | State::Probing { .. }, false) => *self = Self::default(),
            (State::Open { .. }, true) => {}
        }
    }

    /// Whether requests are refused for now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// The state's name, for operators: `closed` (requests are sent), `open` (they are refused) or `probing` (one is on its way to find
    /// out).
    #[must_use]
    pub const fn state(&self) -> &'static str {
        match self.state {
            State::Closed => "closed",
            State::Open { .. } => "open",
            State::Probing { .. } => "probing",
        }
    }

    fn open(&mut self, pause: i64, now: UnixTime) {
        self.state = State::Open {
            until: now.plus(pause),
            pause,
        };
        self.window = Window::default();
        self.in_a_row = 0;
    }
}

impl Window {
    fn record(&mut self, failed: bool, now: UnixTime) {
        let over = self
            .began
            .is_none_or(|began| !(0..WINDOW_SECONDS).contains(&now.since(began)));
        if over {
            *self = Self {
                began: Some(now),
                ..Self::default()
            };
        }
        self.requests = self.requests.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(failed));
    }

    fn is_bad(&self) -> bool {
        self.requests >= MIN_REQUESTS && self.failures.saturating_mul(2) >= self.requests
    }
}

fn refuse(seconds: i64) -> Admission {
    Admission::Refuse {
        retry_after: u32::try_from(seconds).unwrap_or(1).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const START: UnixTime = UnixTime::from_secs(1_795_000_000);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_IN_A_ROW {
            assert_eq!(breaker.admit(START), Admission::Send);
            breaker.record(true, START);
        }
        breaker
    }

    #[test]
    fn a_row_of_failures_opens_and_a_good_probe_closes() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(START), Admission::Refuse { retry_after: 2 });
        assert_eq!(breaker.state(), "open");
        let later = START.plus(OPEN_SECONDS);
        assert_eq!(breaker.admit(later), Admission::Probe);
        assert_eq!(breaker.state(), "probing");
        assert_eq!(
            breaker.admit(later),
            Admission::Refuse { retry_after: 2 },
            "one probe at a time"
        );
        breaker.record(false, later);
        assert!(!breaker.is_open());
        assert_eq!(breaker.state(), "closed");
        assert_eq!(breaker.admit(later), Admission::Send);
    }

    #[test]
    fn one_success_breaks_the_row() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES_IN_A_ROW {
                breaker.record(true, START);
            }
            breaker.record(false, START);
            breaker.record(false, START);
            breaker.record(false, START);
            breaker.record(false, START);
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn half_of_many_requests_opens() {
        let mut breaker = Breaker::default();
        for request in 0..MIN_REQUESTS {
            assert!(!breaker.is_open(), "opened after {request}");
            breaker.record(request % 2 == 1, START);
        }
        assert!(breaker.is_open());
        let mut spread_out = Breaker::default();
        for request in 0..MIN_REQUESTS {
            spread_out.record(request % 2 == 1, START.plus(i64::from(request)));
        }
        assert!(!spread_out.is_open(), "a window is {WINDOW_SECONDS} s");
    }

    #[test]
    fn failed_probes_wait_longer_and_longer() {
        let mut breaker = opened();
        let mut now = START;
        for pause in [2, 4, 8, 16, 16] {
            now = now.plus(pause - 1);
            assert_eq!(breaker.admit(now), Admission::Refuse { retry_after: 1 });
            now = now.plus(1);
            assert_eq!(breaker.admit(now), Admission::Probe);
            breaker.record(true, now);
        }
    }

    #[test]
    fn a_lost_probe_is_replaced() {
        let mut breaker = opened();
        let mut now = START.plus(OPEN_SECONDS);
        assert_eq!(breaker.admit(now), Admission::Probe);
        now = now.plus(OPEN_SECONDS);
        assert_eq!(breaker.admit(now), Admission::Probe);
    }

    /// Whatever the order of events and however the clock jumps, the breaker never refuses for longer than its longest pause.
    #[test]
    fn nothing_is_refused_for_ever() {
        let mut state: u64 = 42;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut breaker = Breaker::default();
        let mut now = START;
        for _ in 0..20_000 {
            now = now.plus(i64::try_from(next(7)).unwrap() - 2);
            if next(2) == 0 {
                breaker.record(next(3) > 0, now);
            }
            if let Admission::Refuse { retry_after } = breaker.admit(now) {
                assert!((1..=16).contains(&retry_after));
                let mut patient = breaker.clone();
                assert_eq!(patient.admit(now.plus(i64::from(retry_after))), Admission::Probe);
            }
        }
    }
}
