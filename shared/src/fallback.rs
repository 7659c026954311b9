//! When the other side is asked too, and whose answer counts.
//!
//! Only for our own faults, and for a person who is known on one side only. "Wrong password" is final: asking twice would let a
//! thief try two passwords at once, and a person be signed in with one they have replaced.

use crate::identity::TokenKind;
use crate::routing::{Purpose, Side};

/// How an attempt at one side ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its breaker is open; nothing was sent.
    BreakerOpen,
    /// No connection, or it broke before the answer began.
    Unreachable,
    /// The answer did not begin in time.
    Timeout,
    /// It answered with this HTTP status.
    Status(u16),
}

impl Outcome {
    /// Whether this says that the service is down, rather than something about the request. A plain 500 may be one bad
    /// request (the legacy service answers a sign-in without a stored password so), hence is no reason to stop sending.
    #[must_use]
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Unreachable | Self::Timeout | Self::Status(502..=504))
    }

    /// Whether it passes, by what it says.
    const fn is_outage(self) -> bool {
        matches!(self, Self::BreakerOpen) || self.is_down()
    }

    /// Whether the side failed: no answer, or 5xx.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Status(status) if status < 500)
    }
}

/// Why the other side is asked.
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
    /// The first side does not know the person.
    UnknownThere,
    /// The first side knows two accounts with the person's address and cannot tell whose it is.
    ConflictThere,
    /// The first side calls a token bad that is good.
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

/// A request, as far as falling back cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// What it is about.
    pub purpose: Purpose,
    /// Which side was asked.
    pub side: Side,
    /// Whether sending it twice changes nothing that sending it once does not: a safe method (RFC 9110 section 9.2.1), a sign-in, a
    /// verification. An idempotent method is not enough: the legacy contract adds tokens by PUT.
    pub repeatable: bool,
    /// Whether the edge has verified the token itself.
    pub proven: bool,
}

impl Attempt {
    /// Whether `outcome` calls a token bad that is good. The legacy service does so whenever it cannot read its database, and
    /// clients that believe it sign their person out.
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

/// Why the other side is to be asked after `outcome`, or `None` when this answer is final.
#[must_use]
pub const fn cause(attempt: Attempt, outcome: Outcome) -> Option<Cause> {
    // A Firebase token is unreadable to the legacy service, which would call it invalid and sign its holder out.
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
        Outcome::BreakerOpen => Some(Cause::BreakerOpen),
        Outcome::Status(404) if matches!(attempt.purpose, Purpose::SignIn) => Some(Cause::UnknownThere),
        // Anybody can register at Firebase with somebody else's address. That must not keep its owner, whose old password is right,
        // from signing in where they always have.
        Outcome::Status(409) if matches!((attempt.purpose, attempt.side), (Purpose::SignIn, Side::V2)) => {
            Some(Cause::ConflictThere)
        }
        // From here on the request has reached the first side, or may have.
        _ if !attempt.repeatable => None,
        Outcome::Unreachable => Some(Cause::Unreachable),
        Outcome::Timeout => Some(Cause::Timeout),
        Outcome::Status(500..) => Some(Cause::ServerError),
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

/// Settles between the first side's outcome and that of the other side, which was asked because of it.
///
/// "Unknown" from one side means little while the other is down: a person known only there would be told that they do not
/// exist. So a fault outranks it, and is answered as one, to be tried again. Of two faults the one that says so counts: the legacy
/// service's plain 500 for somebody whom only v2 knows does not.
///
/// A first answer of 401 is here only as a denial ([`Cause::DeniedThere`]): it stands when the other side refuses the person too.
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
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SIGN_IN: Attempt = Attempt {
        purpose: Purpose::SignIn,
        side: Side::V2,
        repeatable: true,
        proven: false,
    };

    #[test]
    fn answers_about_the_request_are_final() {
        for side in [Side::V2, Side::Legacy] {
            for status in [200, 201, 204, 301, 400, 401, 403, 422, 429] {
                for purpose in [
                    Purpose::SignIn,
                    Purpose::Registration,
                    Purpose::Token(TokenKind::Legacy),
                    Purpose::Other,
                ] {
                    let attempt = Attempt {
                        purpose,
                        side,
                        repeatable: true,
                        proven: false,
                    };
                    assert_eq!(
                        cause(attempt, Outcome::Status(status)),
                        None,
                        "{status} {purpose:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn causes() {
        let registration = Attempt {
            purpose: Purpose::Registration,
            repeatable: false,
            ..SIGN_IN
        };
        let reset = Attempt {
            repeatable: false,
            ..SIGN_IN
        };
        let at_legacy = Attempt {
            side: Side::Legacy,
            ..SIGN_IN
        };
        let legacy_token = Attempt {
            purpose: Purpose::Token(TokenKind::Legacy),
            side: Side::Legacy,
            repeatable: true,
            proven: true,
        };
        let write = Attempt {
            repeatable: false,
            ..legacy_token
        };
        let unproven = Attempt {
            proven: false,
            ..legacy_token
        };
        for (attempt, outcome, expected) in [
            (SIGN_IN, Outcome::Status(404), Some(Cause::UnknownThere)),
            (SIGN_IN, Outcome::Status(409), Some(Cause::ConflictThere)),
            (at_legacy, Outcome::Status(409), None),
            (registration, Outcome::Status(409), None),
            (legacy_token, Outcome::Status(409), None),
            (SIGN_IN, Outcome::Status(500), Some(Cause::ServerError)),
            (SIGN_IN, Outcome::Timeout, Some(Cause::Timeout)),
            (SIGN_IN, Outcome::Unreachable, Some(Cause::Unreachable)),
            (SIGN_IN, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
            // A reset mail may be on its way already; only an untouched request is sent again.
            (reset, Outcome::Timeout, None),
            (reset, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
            (reset, Outcome::Status(404), Some(Cause::UnknownThere)),
            (registration, Outcome::Timeout, None),
            (registration, Outcome::Unreachable, None),
            (registration, Outcome::Status(503), None),
            (registration, Outcome::Status(404), None),
            (registration, Outcome::BreakerOpen, Some(Cause::BreakerOpen)),
            (legacy_token, Outcome::Status(503), Some(Cause::ServerError)),
            (legacy_token, Outcome::Status(404), None),
            (legacy_token, Outcome::Status(401), Some(Cause::DeniedThere)),
            (legacy_token, Outcome::Status(403), None),
            (write, Outcome::Status(401), None),
            (unproven, Outcome::Status(401), None),
        ] {
            assert_eq!(cause(attempt, outcome), expected, "{attempt:?} {outcome:?}");
        }
    }

    #[test]
    fn a_firebase_token_is_never_sent_to_the_legacy_service() {
        for kind in [TokenKind::Firebase, TokenKind::FirebaseSessionCookie] {
            let attempt = Attempt {
                purpose: Purpose::Token(kind),
                side: Side::V2,
                repeatable: true,
                proven: true,
            };
            for outcome in [
                Outcome::Status(401),
                Outcome::BreakerOpen,
                Outcome::Unreachable,
                Outcome::Timeout,
                Outcome::Status(500),
                Outcome::Status(404),
            ] {
                assert_eq!(cause(attempt, outcome), None);
            }
        }
    }

    #[test]
    fn whose_answer_counts() {
        const OK: Outcome = Outcome::Status(200);
        const WRONG: Outcome = Outcome::Status(401);
        const UNKNOWN: Outcome = Outcome::Status(404);
        const CONFLICT: Outcome = Outcome::Status(409);
        const FAULT: Outcome = Outcome::Timeout;
        for (first, second, expected) in [
            (UNKNOWN, OK, Counts::Second),
            (UNKNOWN, WRONG, Counts::Second),
            (UNKNOWN, UNKNOWN, Counts::First),
            (UNKNOWN, FAULT, Counts::Second),
            (CONFLICT, OK, Counts::Second),
            (CONFLICT, WRONG, Counts::Second),
            (CONFLICT, UNKNOWN, Counts::First),
            // Where they would be signed in is down: to be tried again.
            (CONFLICT, FAULT, Counts::Second),
            (FAULT, OK, Counts::Second),
            (FAULT, WRONG, Counts::Second),
            (FAULT, UNKNOWN, Counts::First),
            (FAULT, Outcome::Status(503), Counts::First),
            // Somebody with no hash at the legacy service, while v2 is down.
            (Outcome::Status(500), FAULT, Counts::Second),
            (Outcome::Status(500), Outcome::Status(503), Counts::Second),
            (Outcome::Status(500), Outcome::BreakerOpen, Counts::Second),
            (Outcome::Status(500), Outcome::Status(500), Counts::First),
            (Outcome::BreakerOpen, Outcome::Status(500), Counts::First),
        ] {
            assert_eq!(
                settle(Purpose::SignIn, first, second),
                expected,
                "{first:?} {second:?}"
            );
        }
        let about = Purpose::Token(TokenKind::Legacy);
        assert_eq!(settle(about, FAULT, UNKNOWN), Counts::Second);
        for (second, expected) in [
            (OK, Counts::Second),
            (FAULT, Counts::Second),
            (Outcome::BreakerOpen, Counts::Second),
            (Outcome::Status(503), Counts::Second),
            (WRONG, Counts::First),
            (Outcome::Status(403), Counts::First),
        ] {
            assert_eq!(settle(about, WRONG, second), expected, "denied, then {second:?}");
        }
    }
}
