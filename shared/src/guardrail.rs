//! Whether v2 does worse than the legacy service: a sequential test that may be looked at after every report.
//!
//! Each counted event (a failed sign-in, a slow answer, a wrong password) is a guardrail of its own. Each guardrail tests two claims at
//! once, each by an e-process: a bet against the claim that starts at 1 and, while the claim is true, exceeds `x` at any time with a
//! probability of at most `1/x` (Ville's inequality; [Ramdas et al. 2023](https://doi.org/10.1214/23-STS894)). Looking often, or stopping
//! at a convenient time, does not weaken that. The clock plays no part: a site with one sign-in a minute waits longer and errs no more
//! often.
//!
//! | claim bet against | given up at | means |
//! |---|---|---|
//! | v2 is tolerable: at most [`Margins::tolerable_ratio`] times the legacy rate, or at most [`Margins::tolerable_rate`] | `1 / error` | [`Verdict::RollBack`] |
//! | v2 is harmful: at least [`Margins::harmful_ratio`] times the legacy rate, and at least [`Margins::harmful_rate`] | `1 / error` | [`Verdict::Promote`] |
//!
//! A false verdict of either kind thus has a probability of at most its error for as long as the guardrail runs.
//!
//! In a rollout of several steps and guardrails the two errors add up differently. Going on is wrong only if the very guardrail that
//! v2 harms says so, in the first step in which it does: each of them may err with the whole probability (an intersection–union
//! test, [Berger 1982](https://doi.org/10.1080/00401706.1982.10487790)). Rolling back takes one guardrail of all, so they share it; over the steps it is one
//! claim, which one bet goes through all of them against ([`Guardrail::of_rollout`]).

mod bet;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use bet::Bet;

/// What one side did in one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Requests.
    pub requests: u32,
    /// Requests in which the event happened; never more than `requests`.
    pub events: u32,
}

/// What is tolerable and what is harmful. Between the two the verdict may stay [`Verdict::Inconclusive`] for good.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Margins {
    /// The tolerable ratio of v2's rate to the legacy service's.
    pub tolerable_ratio: f64,
    /// The tolerable rate at v2, whatever the legacy service's is; 0 to 1.
    pub tolerable_rate: f64,
    /// The ratio of v2's rate to the legacy service's that must not be promoted.
    pub harmful_ratio: f64,
    /// The rate at v2 below which nothing is harmful; 0 to 1.
    pub harmful_rate: f64,
    /// The probability of going on although v2 is harmful; 0 to 1.
    pub error: f64,
    /// The probability of rolling back although v2 is tolerable; 0 to 1.
    pub error_to_roll_back: f64,
}

impl Margins {
    /// Failed requests. Tolerable: a fifth more than at the legacy service, or one in a thousand. Harmful: twice as many, and at least one
    /// in two hundred.
    #[must_use]
    pub const fn failures(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.2,
            tolerable_rate: 0.001,
            harmful_ratio: 2.0,
            harmful_rate: 0.005,
            error,
            error_to_roll_back: error,
        }
    }

    /// Sign-ins refused for a wrong password. Users mistype, more often on some days, so the legacy service's share is the measure.
    #[must_use]
    pub const fn wrong_passwords(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.2,
            tolerable_rate: 0.01,
            harmful_ratio: 1.5,
            harmful_rate: 0.03,
            error,
            error_to_roll_back: error,
        }
    }

    /// Sign-ins that took longer than a limit. One in twenty is tolerable: the 95th percentile is then at the limit.
    #[must_use]
    pub const fn slow(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.2,
            tolerable_rate: 0.05,
            harmful_ratio: 2.0,
            harmful_rate: 0.1,
            error,
            error_to_roll_back: error,
        }
    }

    /// Sign-ins without a call of the user soon after. One in twenty is tolerable: some users always close the page.
    #[must_use]
    pub const fn without_call(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.2,
            tolerable_rate: 0.05,
            harmful_ratio: 1.5,
            harmful_rate: 0.1,
            error,
            error_to_roll_back: error,
        }
    }

    /// Sessions in use after their time, with the sides exchanged: most users have gone by then, so it counts those who stay, and how many
    /// more of them the legacy service has. A tenth more is tolerable. Half more is harmful, if a tenth stays at all.
    #[must_use]
    pub const fn sessions_in_use(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.1,
            tolerable_rate: 0.05,
            harmful_ratio: 1.5,
            harmful_rate: 0.1,
            error,
            error_to_roll_back: error,
        }
    }

    /// Reads that v2 answered otherwise than the legacy service. The legacy service never differs from itself: the rate alone counts.
    #[must_use]
    pub const fn shadow_differences(error: f64) -> Self {
        Self {
            tolerable_ratio: 1.2,
            tolerable_rate: 0.005,
            harmful_ratio: 2.0,
            harmful_rate: 0.02,
            error,
            error_to_roll_back: error,
        }
    }
}

impl Margins {
    /// The same, with another probability of a false roll-back.
    #[must_use]
    pub const fn rolling_back(self, error_to_roll_back: f64) -> Self {
        Self {
            error_to_roll_back,
            ..self
        }
    }
}

/// How much evidence there is, and how much gives a claim up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Against "tolerable".
    pub to_roll_back: f64,
    /// So much of it is needed.
    pub needed_to_roll_back: f64,
    /// Against "harmful".
    pub to_promote: f64,
    /// So much of it is needed.
    pub needed_to_promote: f64,
}

impl Evidence {
    /// What it allows.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.to_roll_back >= self.needed_to_roll_back {
            return Verdict::RollBack;
        }
        if self.to_promote >= self.needed_to_promote {
            return Verdict::Promote;
        }
        Verdict::Inconclusive
    }
}

/// The verdict that the evidence allows so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too little has happened. Wait, whatever the clock says.
    Inconclusive,
    /// v2 is not harmful.
    Promote,
    /// v2 is worse than is tolerable.
    RollBack,
}

/// One guardrail: what happened, as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guardrail {
    margins: Margins,
    v2: Count,
    legacy: Count,
    /// Against "at most `tolerable_ratio` times the legacy rate".
    worse_by_ratio: Bet,
    /// Against "at most `tolerable_rate`".
    worse_by_rate: Bet,
    /// Against "at least `harmful_ratio` times the legacy rate".
    fine_by_ratio: Bet,
    /// Against "at least `harmful_rate`".
    fine_by_rate: Bet,
    /// What is bet against "tolerable" in one step; nothing where there are none.
    step_stake: f64,
}

/// The alternatives on which the bets are spread, as multiples of the claim's rate: from a small regression to a total one.
const WORSE: [f64; 4] = [2.0, 5.0, 20.0, 200.0];
const BETTER: [f64; 4] = [0.7, 0.5, 0.2, 0.02];

impl Guardrail {
    /// A guardrail without evidence.
    #[must_use]
    pub fn new(margins: Margins) -> Self {
        Self {
            margins,
            v2: Count::default(),
            legacy: Count::default(),
            worse_by_ratio: Bet::even(WORSE.len()),
            worse_by_rate: Bet::even(WORSE.len()),
            fine_by_ratio: Bet::even(BETTER.len()),
            fine_by_rate: Bet::even(BETTER.len()),
            step_stake: 0.0,
        }
    }

    /// Without evidence, at the beginning of a rollout of so many `steps`, each of which [`Self::next_step`] begins but the first.
    ///
    /// Half of what is bet against "tolerable" goes through the whole rollout: what is bad from the beginning is so in every step. The
    /// other half is for the steps, a part for each, so that a fault which shows late need not make good what was lost while all was well.
    #[must_use]
    pub fn of_rollout(margins: Margins, steps: u32) -> Self {
        let step_stake = 0.5 / f64::from(steps.max(1));
        let worse = Bet::in_stakes([0.5, step_stake], WORSE.len());
        Self {
            worse_by_ratio: worse.clone(),
            worse_by_rate: worse,
            step_stake,
            ..Self::new(margins)
        }
    }

    /// Whether both test the same claims by the same bets, whatever they have seen.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let shape = |guardrail: &Self| {
            [
                &guardrail.worse_by_ratio,
                &guardrail.worse_by_rate,
                &guardrail.fine_by_ratio,
                &guardrail.fine_by_rate,
            ]
            .map(Bet::parts)
        };
        let claims = |guardrail: &Self| {
            let margins = guardrail.margins;
            [
                margins.tolerable_ratio,
                margins.tolerable_rate,
                margins.harmful_ratio,
                margins.harmful_rate,
                margins.error,
                margins.error_to_roll_back,
                guardrail.step_stake,
            ]
        };
        // A number that was stored as text may differ in its last digit.
        let is_near = |(one, another): (f64, f64)| (one - another).abs() < 1e-9;
        shape(self) == shape(other) && std::iter::zip(claims(self), claims(other)).all(is_near)
    }

    /// Begins the next step: what was well in the last one says nothing about this one.
    pub fn next_step(&mut self) {
        (self.v2, self.legacy) = (Count::default(), Count::default());
        self.fine_by_ratio = Bet::even(BETTER.len());
        self.fine_by_rate = Bet::even(BETTER.len());
        if self.step_stake > 0.0 {
            self.worse_by_ratio.restake(self.step_stake, WORSE.len());
            self.worse_by_rate.restake(self.step_stake, WORSE.len());
        }
    }

    /// Takes what both sides did in the same interval. An interval should be short: the test compares both sides within it, so that a
    /// change from hour to hour on both sides counts against neither.
    pub fn observe(&mut self, v2: Count, legacy: Count) {
        let (v2, legacy) = (v2.clamped(), legacy.clamped());
        self.v2.add(v2);
        self.legacy.add(legacy);
        let margins = self.margins;
        // Given that an event happened on either side, its side shows which of them has more events, whatever the rate itself is.
        if let Some(among) = Among::of(v2, legacy) {
            self.worse_by_ratio.place(WORSE, |worse| {
                among.evidence(margins.tolerable_ratio, margins.tolerable_ratio * worse)
            });
            self.fine_by_ratio.place(BETTER, |better| {
                among.evidence(margins.harmful_ratio, margins.harmful_ratio * better)
            });
        }
        self.worse_by_rate.place(WORSE, |worse| {
            v2.evidence(margins.tolerable_rate, margins.tolerable_rate * worse)
        });
        self.fine_by_rate.place(BETTER, |better| {
            v2.evidence(margins.harmful_rate, margins.harmful_rate * better)
        });
    }

    /// The verdict so far.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.evidence().verdict()
    }

    /// How much evidence there is against either claim.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        Evidence {
            // "Tolerable" holds if either of its claims holds, so both must be given up.
            to_roll_back: self.worse_by_ratio.wealth().min(self.worse_by_rate.wealth()),
            needed_to_roll_back: 1.0 / self.margins.error_to_roll_back,
            // "Harmful" needs both of its claims; half of the stake is on each.
            to_promote: f64::midpoint(self.fine_by_ratio.wealth(), self.fine_by_rate.wealth()),
            needed_to_promote: 1.0 / self.margins.error,
        }
    }

    /// What v2 and the legacy service did since the step began.
    #[must_use]
    pub const fn figures(&self) -> (Count, Count) {
        (self.v2, self.legacy)
    }
}

impl Count {
    fn clamped(self) -> Self {
        Self {
            events: self.events.min(self.requests),
            ..self
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.events = self.events.saturating_add(other.events);
    }

    /// The logarithm of how much likelier these counts are at the rate `other` than at `claimed`.
    pub(crate) fn evidence(self, claimed: f64, other: f64) -> f64 {
        // The bet on a total failure is 999 in 1,000: a single success would otherwise refute it for good.
        let other = other.min(0.999);
        let (events, others) = (
            f64::from(self.events),
            f64::from(self.requests.saturating_sub(self.events)),
        );
        events * (other / claimed).ln() + others * ((1.0 - other) / (1.0 - claimed)).ln()
    }
}

/// The events of one interval, by side.
struct Among {
    v2_events: f64,
    legacy_events: f64,
    /// Requests at v2 over those at the legacy service.
    exposure: f64,
}

impl Among {
    /// `None` where nothing happened or one side had no requests: then nothing can be compared.
    fn of(v2: Count, legacy: Count) -> Option<Self> {
        let compares = v2.requests > 0 && legacy.requests > 0 && (v2.events > 0 || legacy.events > 0);
        compares.then(|| Self {
            v2_events: f64::from(v2.events),
            legacy_events: f64::from(legacy.events),
            exposure: f64::from(v2.requests) / f64::from(legacy.requests),
        })
    }

    /// The logarithm of how much likelier this division is when v2 has `other` times the legacy rate than when it has `claimed` times.
    ///
    /// The bet is fair at any rate: with `n` requests at the rate `p` and a factor `s` for each event, the expectation is `(1 - p + p
    /// s)^n`, at most `exp(n p (s - 1))`, and the sum of both sides' exponents is 0 where v2 has just `claimed` times the legacy rate.
    fn evidence(&self, claimed: f64, other: f64) -> f64 {
        let share = |ratio: f64| {
            let weight = ratio * self.exposure;
            (weight / (1.0 + weight)).ln()
        };
        let rest = |ratio: f64| -(ratio * self.exposure).ln_1p();
        self.v2_events * (share(other) - share(claimed)) + self.legacy_events * (rest(other) - rest(claimed))
    }
}
