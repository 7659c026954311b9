//! How an attempt at a service ended.

use shared::fallback::{BodyFault, Outcome};
use shared::problem::{ErrorCode, Problem};

use crate::authenticate::Refusal;
use crate::ports::{Answer, UpstreamFault};

/// A service's answer, or why there is none.
pub(super) type Sent<A> = Result<A, NoAnswer>;

/// The outcome of an attempt; only v2 may name a dependency that it lacks.
pub(super) fn outcome_of<A: Answer>(sent: &Sent<A>, is_v2: bool) -> Outcome {
    match sent {
        Ok(answer) => {
            let status = answer.status();
            let lacks = (is_v2 && status == 503).then(|| answer.lacks()).flatten();
            lacks.map_or(Outcome::Status(status), Outcome::Without)
        }
        Err(no_answer) => no_answer.outcome(),
    }
}

/// Why there is no answer from a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing was sent.
    BreakerOpen { retry_after: u32 },
    /// A fault on the way.
    Fault(UpstreamFault),
    /// The network in front of the service answered in its place, with this status.
    Away(u16),
}

impl NoAnswer {
    pub fn outcome(self) -> Outcome {
        match self {
            Self::BreakerOpen { .. } => Outcome::BreakerOpen,
            Self::Fault(UpstreamFault::Unreachable) => Outcome::Unreachable,
            Self::Fault(UpstreamFault::Timeout) => Outcome::Timeout,
            Self::Fault(UpstreamFault::Interrupted | UpstreamFault::UploadLate) => Outcome::Interrupted,
            Self::Fault(UpstreamFault::Unusable) => Outcome::Unusable,
            Self::Fault(UpstreamFault::Unsendable) => Outcome::Unsendable,
            Self::Fault(UpstreamFault::Body(fault)) => Outcome::Body(fault),
            Self::Away(status) => Outcome::Status(status),
        }
    }
}

impl From<NoAnswer> for Refusal {
    fn from(no_answer: NoAnswer) -> Self {
        let unavailable = || Problem::new(ErrorCode::UpstreamUnavailable);
        let timeout = || Problem::new(ErrorCode::UpstreamTimeout);
        let (problem, reason) = match no_answer {
            NoAnswer::BreakerOpen { retry_after } => (unavailable().retry_after(retry_after), "breaker_open"),
            NoAnswer::Fault(UpstreamFault::Unreachable) => (unavailable(), "upstream_unreachable"),
            NoAnswer::Fault(UpstreamFault::Timeout | UpstreamFault::UploadLate) => {
                (timeout(), "upstream_timeout")
            }
            NoAnswer::Fault(UpstreamFault::Interrupted) => (unavailable(), "upstream_interrupted"),
            NoAnswer::Fault(UpstreamFault::Unusable) => {
                (Problem::new(ErrorCode::UpstreamInvalid), "upstream_unusable")
            }
            NoAnswer::Fault(UpstreamFault::Unsendable) => (
                Problem::new(ErrorCode::ValidationError).message("A GET or HEAD request has no body here"),
                "unsendable",
            ),
            NoAnswer::Fault(UpstreamFault::Body(fault)) => return fault.into(),
            // Its connection to the service took too long (522) or its answer did (524).
            NoAnswer::Away(522 | 524) => (timeout(), "upstream_timeout"),
            NoAnswer::Away(_) => (unavailable(), "upstream_unreachable"),
        };
        Self::new(problem, reason)
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Broken => Self::new(
                Problem::new(ErrorCode::ValidationError)
                    .message("The body ended early or is not well-formed"),
                "body_broken",
            ),
            BodyFault::Stalled => Self::new(Problem::new(ErrorCode::RequestTimeout), "body_stalled"),
        }
    }
}
