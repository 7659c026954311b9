//! When to stop sending requests to a failing service, and when to try it again. A state machine without a clock; its owner reports every
//! outcome.

use crate::callers::{CallerMark, Callers};
use crate::fallback::Evidence;
use crate::time::UnixTime;

/// This many failures in a row open the breaker, if at least [`MIN_CALLERS`] callers saw them.
pub const FAILURES_IN_A_ROW: u32 = 5;
/// The breaker also opens when half of all callers, and at least [`MIN_CALLERS`], saw a failure among at least this many requests within
/// [`WINDOW_SECONDS`].
pub const MIN_REQUESTS: u32 = 20;
/// At least this many different callers must have seen the service fail: one caller's requests may fail because of their content.
pub const MIN_CALLERS: u32 = 3;
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
    /// Send it as the one request that finds out whether the service is back.
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
    row: Row,
    /// The callers that had a probe since the breaker opened.
    probers: Callers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    Open {
        until: UnixTime,
        pause: i64,
    },
    /// A probe is under way. Its caller may cancel it, so another may go after `pause`.
    Probing {
        since: UnixTime,
        pause: i64,
    },
}

#[derive(Debug, Clone, Default)]
struct Window {
    began: Option<UnixTime>,
    requests: u32,
    callers: Callers,
    failed: Callers,
}

/// Failures since the last good answer.
#[derive(Debug, Clone, Default)]
struct Row {
    failures: u32,
    callers: Callers,
}

impl Breaker {
    /// Asks whether a request of `caller` may be sent at `now`. After [`Admission::Send`] or [`Admission::Probe`] the owner reports the
    /// outcome with [`Self::record`].
    ///
    /// Probes go round: a caller who had one waits twice as long as others. Otherwise a caller whose requests fail because of their
    /// content, or who leaves before the answer, could keep the breaker open although the service is well again.
    pub fn admit(&mut self, caller: CallerMark, now: UnixTime) -> Admission {
        let (left, pause) = match self.state {
            State::Closed => return Admission::Send,
            State::Open { until, pause } => (until.since(now), pause),
            State::Probing { since, pause } => (pause.saturating_sub(now.since(since)), pause),
        };
        let more = if self.probers.contains(caller) { pause } else { 0 };
        let left = left.saturating_add(more);
        // A clock that stepped back must not keep the breaker open.
        if (1..=pause.saturating_add(more)).contains(&left) {
            return refuse(left);
        }
        self.state = State::Probing { since: now, pause };
        self.probers.insert(caller);
        Admission::Probe
    }

    /// Reports the evidence of a request of `caller`; `None` when it says nothing about the service.
    pub fn record(&mut self, evidence: Option<Evidence>, caller: CallerMark, now: UnixTime) {
        let Some(evidence) = evidence else {
            self.try_again(now);
            return;
        };
        let failed = evidence == Evidence::Failed;
        self.window.record(failed, caller, now);
        self.row.record(failed, caller);
        match (self.state, failed) {
            (State::Closed, true) if self.row.is_bad() || self.window.is_bad() => {
                self.open(OPEN_SECONDS, now);
            }
            (State::Closed, _) => {}
            (State::Probing { pause, .. }, true) => {
                self.open(pause.saturating_mul(2).min(MAX_OPEN_SECONDS), now);
            }
            // Any answer is good news, also one to a request that was sent before the breaker opened.
            (State::Open { .. } | State::Probing { .. }, false) => *self = Self::default(),
            (State::Open { .. }, true) => {}
        }
    }

    /// After a probe without evidence, lets the next one go.
    fn try_again(&mut self, now: UnixTime) {
        if let State::Probing { pause, .. } = self.state {
            self.state = State::Open { until: now, pause };
        }
    }

    /// Whether requests are refused for now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether a probe is on its way to find out.
    #[must_use]
    pub const fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing { .. })
    }

    /// The state's name, for operators: `closed` (requests are sent), `open` (requests are refused) or `probing` (one request is finding
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
        self.row = Row::default();
    }
}

impl Window {
    fn record(&mut self, failed: bool, caller: CallerMark, now: UnixTime) {
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
        self.callers.insert(caller);
        if failed {
            self.failed.insert(caller);
        }
    }

    fn is_bad(&self) -> bool {
        let failed = self.failed.count();
        self.requests >= MIN_REQUESTS
            && failed >= MIN_CALLERS
            && failed.saturating_mul(2) >= self.callers.count()
    }
}

impl Row {
    fn record(&mut self, failed: bool, caller: CallerMark) {
        if failed {
            self.failures = self.failures.saturating_add(1);
            self.callers.insert(caller);
        } else if self.failures > 0 {
            *self = Self::default();
        }
    }

    fn is_bad(&self) -> bool {
        self.failures >= FAILURES_IN_A_ROW && self.callers.count() >= MIN_CALLERS
    }
}

fn refuse(seconds: i64) -> Admission {
    Admission::Refuse {
        retry_after: u32::try_from(seconds).unwrap_or(1).max(1),
    }
}

#[cfg(test)]
mod tests;
