//! Recorded sign-ins, and where each would go: by the very functions that the edge decides with.
//!
//! A request line of the edge says the bucket of a sign-in and no address, a HAR has the body of the sign-in with the address; either is
//! all that a decision needs.

mod call;
pub mod har;
pub mod lines;

pub use call::{Call, Calls, Who};
use shared::fallback::{self, Attempt, Outcome};
use shared::routing::{self, Decision, Facts, Policy, Purpose, Reason, Side};

/// What the edge meets at the moment of a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// v2 answers nothing, and its breaker is open.
    pub v2_is_dead: bool,
    /// The same of the legacy service.
    pub legacy_is_dead: bool,
    /// Sign-ins are stepped down.
    pub stepped_down: bool,
}

impl Weather {
    const fn is_dead(self, side: Side) -> bool {
        match side {
            Side::V2 => self.v2_is_dead,
            Side::Legacy => self.legacy_is_dead,
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsed {
    /// What the edge decides.
    pub decision: Decision,
    /// The side that answers: nobody, where the chosen one is dead and the other one cannot take the call.
    pub answered: Option<Side>,
}

/// What becomes of `call` under `policy`.
#[must_use]
pub fn rehearse(call: &Call, policy: &Policy, weather: Weather) -> Rehearsed {
    let facts = Facts {
        purpose: call.purpose,
        email: match &call.who {
            Who::Email(email) => Some(email),
            Who::Bucket(_) | Who::Unknown => None,
        },
        id: None,
        cookie: match call.who {
            Who::Bucket(bucket) => Some(bucket),
            Who::Email(_) | Who::Unknown => None,
        },
        stepped_down: weather.stepped_down,
    };
    let mut decision = routing::decide(&facts, policy);
    // A line says no address: whether a user is on a list is known by what the edge said then.
    if let (Some(side), Reason::InCohort | Reason::NotInCohort | Reason::Unidentified | Reason::NewUsers) =
        (call.on_list, decision.reason)
    {
        decision.side = side;
        decision.reason = match side {
            Side::V2 => Reason::ForcedV2,
            Side::Legacy => Reason::ForcedLegacy,
        };
    }
    let (first, other) = (decision.side, decision.side.other());
    if !weather.is_dead(first) {
        return Rehearsed {
            decision,
            answered: Some(first),
        };
    }
    let attempt = Attempt {
        purpose: call.purpose,
        side: first,
        repeatable: call.purpose == Purpose::SignIn,
        proven: false,
    };
    // A breaker is open soon after a service has died: nothing was sent, so anything may be sent elsewhere.
    let falls_back = policy.legacy_exists && fallback::cause(attempt, Outcome::BreakerOpen).is_some();
    let answered = (falls_back && !weather.is_dead(other)).then_some(other);
    Rehearsed { decision, answered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::rollout::{Bucket, Percentage};

    fn policy(percent: &str) -> Policy {
        Policy {
            percentage: Percentage::parse(percent).unwrap(),
            ..Policy::all_legacy()
        }
    }

    fn of_bucket(number: u16) -> Call {
        Call {
            line: 1,
            at: None,
            purpose: Purpose::SignIn,
            who: Who::Bucket(Bucket::from_number(number).unwrap()),
            on_list: None,
        }
    }

    #[test]
    fn dead_side_leaves_the_call_to_the_other_one() {
        let dead = |v2_is_dead, legacy_is_dead| Weather {
            v2_is_dead,
            legacy_is_dead,
            stepped_down: false,
        };
        let policy = policy("50");
        let (in_cohort, outside) = (of_bucket(4_999), of_bucket(5_000));
        for (call, weather, chosen, answered) in [
            (&in_cohort, dead(false, false), Side::V2, Some(Side::V2)),
            (&in_cohort, dead(true, false), Side::V2, Some(Side::Legacy)),
            (&in_cohort, dead(false, true), Side::V2, Some(Side::V2)),
            (&in_cohort, dead(true, true), Side::V2, None),
            (&outside, dead(false, true), Side::Legacy, Some(Side::V2)),
            (&outside, dead(true, false), Side::Legacy, Some(Side::Legacy)),
        ] {
            let rehearsed = rehearse(call, &policy, weather);
            assert_eq!(
                (rehearsed.decision.side, rehearsed.answered),
                (chosen, answered),
                "{weather:?}"
            );
        }
        let alone = Policy {
            legacy_exists: false,
            ..policy
        };
        assert_eq!(rehearse(&outside, &alone, dead(true, false)).answered, None);
    }

    #[test]
    fn list_outranks_the_percentage_and_the_switches_outrank_the_list() {
        let call = Call {
            on_list: Some(Side::V2),
            ..of_bucket(9_999)
        };
        let calm = Weather::default();
        let decision = rehearse(&call, &policy("0"), calm).decision;
        assert_eq!((decision.side, decision.reason), (Side::V2, Reason::ForcedV2));
        let killed = Policy {
            kill_switch: true,
            ..policy("0")
        };
        assert_eq!(rehearse(&call, &killed, calm).decision.reason, Reason::KillSwitch);
        let stepped_down = Weather {
            stepped_down: true,
            ..calm
        };
        let decision = rehearse(&call, &policy("100"), stepped_down).decision;
        assert_eq!(decision.reason, Reason::SteppedDown);
    }
}
