//! How an attempt ended, and what that is evidence of. One table for all, so that nothing that a caller can cause ever counts against a
//! service.
//!
//! | outcome | the service's breaker | sign-ins' breaker | step-down, v2 | step-down, legacy |
//! |---|---|---|---|---|
//! | the caller's body broke or stalled; cannot be sent as asked; no answer to a long body | – | – | – | – |
//! | breaker open | – | – | failed | failed |
//! | unreachable | failed | failed | failed | failed |
//! | too late | failed; – for a sign-in | failed | failed | failed |
//! | 502, 503, 520–527, 530 | failed | failed | failed | failed |
//! | 504 | failed; – for a sign-in | failed | failed | failed |
//! | 503 that names the database | failed | – | failed | – |
//! | 503 that names Firebase | well | failed | failed | – |
//! | 503 that names the issuer's keys | well | – | failed | – |
//! | an answer that is none | – | – | failed | – |
//! | 500 and other 5xx | well | – | failed | well |
//! | 2xx, 3xx, 401 | well | well | well | well |
//! | other 4xx | well | – | well | well |
//!
//! "–" says nothing either way. The sign-ins' breaker is about v2's calls that need Google. Such a call that is late may be waiting for
//! Google, so it says nothing about reads. Both breakers and the step-down also ask how many different callers saw a service fail
//! ([`crate::callers`]).

use crate::problem::ErrorCode;
use crate::routing::Side;

/// What v2 depends on. v2 names it to the edge with a 503 ([`crate::headers::DEPENDENCY`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// Google's account services: sign-ins need them, calls with a token do not.
    Firebase,
    /// The keys that tokens are verified with.
    Keys,
    /// PostgreSQL, which everything needs.
    Database,
}

impl Dependency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Firebase, Self::Keys, Self::Database];

    /// The dependency that was missing in a failure with this code ([`ErrorCode`]).
    #[must_use]
    pub fn behind(code: &str) -> Option<Self> {
        [
            (ErrorCode::FirebaseUnavailable, Self::Firebase),
            (ErrorCode::KeysUnavailable, Self::Keys),
            (ErrorCode::DatabaseUnavailable, Self::Database),
        ]
        .into_iter()
        .find_map(|(known, dependency)| (known.as_str() == code).then_some(dependency))
    }

    /// The name in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firebase => "firebase",
            Self::Keys => "keys",
            Self::Database => "database",
        }
    }

    /// Reads the header's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// What the caller's body did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFault {
    /// It ended before its announced end, or its framing is wrong.
    Broken,
    /// It stopped coming.
    Stalled,
}

/// How an attempt at one side ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its breaker is open; nothing was sent.
    BreakerOpen,
    /// No connection, or it broke after all of the request was sent and before the answer began.
    Unreachable,
    /// The answer did not begin in time, counted from the moment when all of the request was sent.
    Timeout,
    /// A long body got no answer: its length may be the reason.
    Interrupted,
    /// The side sent something that is no HTTP answer: an informational status, or one above 599.
    Unusable,
    /// The side answered with this HTTP status.
    Status(u16),
    /// The side answered 503 and named the missing dependency.
    Without(Dependency),
    /// The caller's body never arrived.
    Body(BodyFault),
    /// The request cannot be sent as its caller made it: a GET with a body.
    Unsendable,
}

/// What an outcome is evidence of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It works.
    Well,
    /// It failed, and nothing in the request can have been the cause.
    Failed,
}

impl Outcome {
    /// What this says about the service as a whole; `needs_google` is for a call that v2 cannot answer without Google.
    #[must_use]
    pub const fn of_service(self, needs_google: bool) -> Option<Evidence> {
        match self {
            Self::Timeout | Self::Status(504) if needs_google => None,
            Self::Unreachable | Self::Timeout | Self::Without(Dependency::Database) => Some(Evidence::Failed),
            Self::Status(status) if is_gateway_failure(status) => Some(Evidence::Failed),
            Self::Status(_) | Self::Without(Dependency::Firebase | Dependency::Keys) => Some(Evidence::Well),
            Self::BreakerOpen | Self::Interrupted | Self::Unusable | Self::Body(_) | Self::Unsendable => None,
        }
    }

    /// What this outcome of a call that needs Google says about such calls.
    #[must_use]
    pub const fn of_sign_ins(self) -> Option<Evidence> {
        match self {
            Self::Unreachable | Self::Timeout | Self::Without(Dependency::Firebase) => Some(Evidence::Failed),
            Self::Status(status) if is_gateway_failure(status) => Some(Evidence::Failed),
            // v2 may have made a refusal for another reason before it asked Google.
            Self::Status(200..=399 | 401) => Some(Evidence::Well),
            _ => None,
        }
    }

    /// What this says for the step-down. A plain 500 counts against v2, where it is a fault of ours. The legacy service answers 500 to a
    /// sign-in without a stored password, which says nothing about its health.
    #[must_use]
    pub const fn of_side(self, side: Side) -> Option<Evidence> {
        match (side, self) {
            (_, Self::Interrupted | Self::Body(_) | Self::Unsendable)
            | (Side::Legacy, Self::Unusable | Self::Without(_)) => None,
            (_, Self::BreakerOpen | Self::Unreachable | Self::Timeout)
            | (Side::V2, Self::Unusable | Self::Without(_) | Self::Status(500..)) => Some(Evidence::Failed),
            (Side::Legacy, Self::Status(status)) if is_gateway_failure(status) => Some(Evidence::Failed),
            (_, Self::Status(_)) => Some(Evidence::Well),
        }
    }

    /// Whether the answer says that the failure is temporary.
    pub(super) const fn is_outage(self) -> bool {
        match self {
            Self::BreakerOpen | Self::Unreachable | Self::Timeout | Self::Without(_) => true,
            Self::Status(status) => is_gateway_failure(status),
            Self::Interrupted | Self::Unusable | Self::Body(_) | Self::Unsendable => false,
        }
    }

    /// Whether the side gave no usable answer: none at all, or 5xx.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Status(status) if status < 500)
    }
}

/// A status that speaks of the service's absence and not of the request: 502 to 504 (RFC 9110 section 15.6), and Cloudflare's own for an
/// origin that is away (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>).
#[must_use]
pub const fn is_gateway_failure(status: u16) -> bool {
    matches!(status, 502..=504 | 520..=527 | 530)
}
