//! What was seen in one act.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Something that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A side answered that neither the decision nor a failure explains, a token of another issuer, or about another user.
    Side,
    /// A user changed sides, and nobody had changed anything.
    Flip,
    /// A sign-in failed although a side that knows the user was up.
    SignIn,
    /// The same for a call with a token.
    Call,
    /// The same for a call of a service behind the edge, which can be served as long as v2 is up: the edge reads the user's row there.
    Service,
    /// A failure of ours that was not said as one: not 503 or 504 with `Retry-After`.
    Wording,
}

impl Wrong {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 6] = [
        Self::Side,
        Self::Flip,
        Self::SignIn,
        Self::Call,
        Self::Service,
        Self::Wording,
    ];

    pub const fn title(self) -> &'static str {
        match self {
            Self::Side => "wrong side",
            Self::Flip => "flips",
            Self::SignIn => "failed sign-ins",
            Self::Call => "failed calls",
            Self::Service => "failed at services",
            Self::Wording => "badly said",
        }
    }
}

/// What became of the calls of services behind the edge.
#[derive(Debug, Default, Clone, Copy)]
pub struct Calls {
    pub made: u64,
    /// Of these, by users who have moved from one side to the other, with a token of either.
    pub by_moved_users: u64,
    /// 503 or 504 with `Retry-After` from the edge, which could not read the user's row.
    pub turned_away: u64,
    /// Those to a service that failed because the legacy service, which it asks itself, was down.
    pub cut_off: u64,
}

/// The figures of one act.
#[derive(Debug, Default)]
pub struct Row {
    pub name: String,
    pub requests: u64,
    pub wrong: BTreeMap<Wrong, u64>,
    /// 503 or 504 with `Retry-After` for somebody whom nobody could have served.
    pub turned_away: u64,
    /// The calls of services behind the edge among the requests.
    pub services: Calls,
    /// The longest that nothing worked for one user.
    pub longest_outage: Duration,
    /// When something was broken.
    pub broken_at: Option<Instant>,
    /// When the first sign-in was sent back by the edge's own step-down.
    pub stepped_down_at: Option<Instant>,
    /// Whether it has to step down here.
    pub must_step_down: bool,
    /// How often the other side was asked, by why.
    pub fallbacks: BTreeMap<String, u64>,
    /// Of what was wrong, the first few in words.
    pub examples: Vec<String>,
}

const MAX_EXAMPLES: usize = 5;

impl Row {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    pub fn note(&mut self, wrong: Wrong, example: &str) {
        *self.wrong.entry(wrong).or_default() += 1;
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(format!("{}: {example}", wrong.title()));
        }
    }

    /// How long it took from the fault until sign-ins were sent back.
    pub fn stepped_down_after(&self) -> Option<Duration> {
        Some(self.stepped_down_at?.duration_since(self.broken_at?))
    }

    pub fn count(&self, wrong: Wrong) -> u64 {
        self.wrong.get(&wrong).copied().unwrap_or_default()
    }
}
