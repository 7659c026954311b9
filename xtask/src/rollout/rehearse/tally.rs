//! What came of a rehearsal.

use std::collections::BTreeMap;

use rehearsal::{Call, Rehearsed};
use shared::routing::{Policy, Purpose, Side};

/// Calls to Google for one sign-in at v2, at most: the password, and for a user who moves then looking up, importing the hash and
/// signing in (`docs/architecture/auth-federation.md`).
const CALLS_OF_A_SIGN_IN: u64 = 4;
const CALLS_OF_A_REGISTRATION: u64 = 2;
/// Google's published limits for a project: operations a second and a day (<https://firebase.google.com/docs/auth/limits>).
const A_SECOND: u64 = 1_000;
const A_DAY: u64 = 10_000_000;

#[derive(Default)]
pub struct Tally {
    decided: BTreeMap<(&'static str, &'static str), u64>,
    fell_back: u64,
    unanswered: u64,
    calls_by_second: BTreeMap<i64, u64>,
    calls: u64,
    first: Option<i64>,
    last: Option<i64>,
}

impl Tally {
    /// Counts one call and what becomes of it.
    pub fn count(&mut self, call: &Call, rehearsed: &Rehearsed) {
        let Rehearsed { decision, answered } = rehearsed;
        let key = (decision.side.as_str(), decision.reason.as_str());
        *self.decided.entry(key).or_default() += 1;
        match *answered {
            None => self.unanswered += 1,
            Some(side) if side != decision.side => self.fell_back += 1,
            Some(Side::V2) => {
                let calls = if call.purpose == Purpose::SignIn {
                    CALLS_OF_A_SIGN_IN
                } else {
                    CALLS_OF_A_REGISTRATION
                };
                self.calls += calls;
                if let Some(at) = call.at {
                    *self.calls_by_second.entry(at).or_default() += calls;
                }
            }
            Some(Side::Legacy) => {}
        }
        if let Some(at) = call.at {
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
            self.last = Some(self.last.map_or(at, |last| last.max(at)));
        }
    }

    /// Prints the table.
    pub fn print(&self, policy: &Policy, skipped: usize) {
        let all: u64 = self.decided.values().sum();
        println!(
            "{all} sign-ins and registrations at {} %; {skipped} other lines",
            policy.percentage
        );
        for ((side, reason), count) in &self.decided {
            println!("  {side:<7} {reason:<16} {count:>9}");
        }
        println!("  fell back to legacy      {:>9}", self.fell_back);
        println!("  answered by nobody       {:>9}", self.unanswered);
        println!("  calls to Google, at most {:>9}", self.calls);
        let busiest = self.calls_by_second.values().max().copied().unwrap_or_default();
        if busiest > 0 {
            println!("  in the busiest second    {busiest:>9}   of {A_SECOND} that Google allows a project");
        }
        if let (Some(first), Some(last)) = (self.first, self.last) {
            let seconds = u64::try_from(last.saturating_sub(first))
                .unwrap_or_default()
                .max(1);
            // Of less than an hour, nobody can say what a day would be.
            if seconds >= 3_600 {
                let day = self.calls.saturating_mul(86_400) / seconds;
                println!("  in a day like this       {day:>9}   of {A_DAY}");
            }
        }
        if busiest > A_SECOND {
            println!(
                "  ! more in one second than Google allows: import users first, or raise the percentage in smaller steps"
            );
        }
    }
}
