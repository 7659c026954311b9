//! When the edge asks the other side too, and which answer counts.
//!
//! The edge does so only for our own faults, and for a user known to one side alone. "Wrong password" is final: asking twice would let a
//! thief try two passwords at once, and would sign a user in with a password that they have replaced.

mod outcome;

use crate::identity::TokenKind;
use crate::routing::{Purpose, Side};
pub use outcome::{BodyFault, Dependency, Evidence, Outcome, is_gateway_failure};

/// Why the edge asks the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The first side's breaker is open.
    BreakerOpen,
    /// The first side could not be reached.
    Unreachable,
    /// The first side did not answer in time.
    Timeout,
    /// The first side failed (5xx).
    ServerError,
    /// The first side does not know the user.
    UnknownThere,
    /// The first side knows two accounts with the user's address and cannot tell which of them owns it.
    ConflictThere,
    /// The first side refused a token that the edge has found good.
    DeniedThere,
}

impl Cause {
    /// The name in `X-Auth-Route-Reason`, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BreakerOpen => "fallback_breaker_open",
            Self::Unreachable => "fallback_unreachable",
            Self::Timeout => "fallback_timeout",
            Self::ServerError => "fallback_server_error",
            Self::UnknownThere => "fallback_unknown_there",
            Self::ConflictThere => "fallback_conflict_there",
            Self::DeniedThere => "fallback_denied_there",
        }
    }
}

/// A request, as far as fallback needs to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// What it is about.
    pub purpose: Purpose,
    /// The side that was asked.
    pub side: Side,
    /// Whether sending it twice has the same effect as sending it once: a safe method (RFC 9110 section 9.2.1), a sign-in, a verification.
    /// An idempotent method is not enough: the legacy contract adds tokens by PUT.
    pub repeatable: bool,
    /// Whether the edge has verified the token itself.
    pub proven: bool,
}

impl Attempt {
    /// Whether `outcome` refuses a token that is good. The legacy service does that whenever it cannot read its database, and clients that
    /// believe it sign their user out.
    #[must_use]
    pub const fn is_denial(self, outcome: Outcome) -> bool {
        matches!(
            (self.side, self.purpose, outcome),
            (
                Side::Legacy,
                Purpose::Token(TokenKind::Legacy),
                Outcome::Status(401)
            )
        ) && self.proven
    }
}

/// Why the edge must ask the other side after `outcome`, or `None` when this answer is final.
#[must_use]
pub const fn cause(attempt: Attempt, outcome: Outcome) -> Option<Cause> {
    // The legacy service cannot read a Firebase token: it would call the token invalid, and the client would sign its user out.
    if matches!(
        (attempt.side, attempt.purpose),
        (
            Side::V2,
            Purpose::Token(TokenKind::Firebase | TokenKind::FirebaseSessionCookie)
        )
    ) {
        return None;
    }
    match outcome {
        // The other side would get the same faulty request.
        Outcome::Body(_) | Outcome::Unsendable => None,
        Outcome::BreakerOpen => Some(Cause::BreakerOpen),
        Outcome::Status(404) if matches!(attempt.purpose, Purpose::SignIn) => Some(Cause::UnknownThere),
        // A stranger can register another user's address at Firebase. That must not keep the owner, who has the right old password, from
        // signing in at the legacy service.
        Outcome::Status(409) if matches!((attempt.purpose, attempt.side), (Purpose::SignIn, Side::V2)) => {
            Some(Cause::ConflictThere)
        }
        // From here on the request has reached the first side, or may have reached it.
        _ if !attempt.repeatable => None,
        Outcome::Unreachable | Outcome::Interrupted => Some(Cause::Unreachable),
        Outcome::Timeout => Some(Cause::Timeout),
        Outcome::Status(500..) | Outcome::Without(_) | Outcome::Unusable => Some(Cause::ServerError),
        Outcome::Status(401) if attempt.is_denial(outcome) => Some(Cause::DeniedThere),
        Outcome::Status(_) => None,
    }
}

/// Which of two answers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// The first side's.
    First,
    /// The other side's.
    Second,
}

/// Decides between the first side's outcome and the outcome of the other side, which was asked because of it.
///
/// "Unknown" from one side means little while the other side is down: a user known only there would be told that they do not exist. A fault
/// therefore outranks "unknown", and the caller may try again. Of two faults the one that says 503 or 504 counts: the legacy service's
/// plain 500 for a user known only to v2 does not.
///
/// A first answer of 401 is here only as a denial ([`Cause::DeniedThere`]): it stands when the other side refuses the user too.
#[must_use]
pub const fn settle(purpose: Purpose, first: Outcome, second: Outcome) -> Counts {
    let unknown = matches!((purpose, second), (Purpose::SignIn, Outcome::Status(404)));
    match (first.is_fault(), second.is_fault()) {
        (true, true) if second.is_outage() && !first.is_outage() => Counts::Second,
        (true, true) => Counts::First,
        (false, false) if matches!((first, second), (Outcome::Status(401), Outcome::Status(400..))) => {
            Counts::First
        }
        (true, false) if unknown => Counts::First,
        (false, false) if unknown => Counts::First,
        (true | false, false) | (false, true) => Counts::Second,
    }
}

#[cfg(test)]
mod tests;
