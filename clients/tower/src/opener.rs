//! Opens a request's assertion and names the caller.

use std::sync::Arc;

use http::request::Parts;
use shared::assertion::{AssertionKeys, AssertionRejection, Expected, ORIGIN_AUDIENCE, OpenedAssertion};
use shared::headers;
use shared::identity::{AssertedUser, ProvenIdentity};
use shared::problem::{ErrorCode, Problem};
use shared::time::{ClockSkew, UnixTime};

/// The caller of a request, as the edge's assertion states it: an extension of every request that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(Arc<OpenedAssertion>);

impl Caller {
    /// Our own record of the user; `None` on routes that are open to all. Do not decide by its address unless [`AssertedUser::email_verified`]
    /// says that the user has proven it.
    #[must_use]
    pub fn user(&self) -> Option<&AssertedUser> {
        self.0.user.as_ref()
    }

    /// The facts of the caller's token.
    #[must_use]
    pub fn identity(&self) -> Option<&ProvenIdentity> {
        self.0.identity.as_ref()
    }

    /// The whole statement of the edge.
    #[must_use]
    pub fn assertion(&self) -> &OpenedAssertion {
        &self.0
    }
}

/// The audience is empty, or is the origin's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audience is empty or `origin`")]
pub struct InvalidAudience;

/// The layer's settings; all its services share them.
pub(crate) struct Opener {
    pub(crate) audience: String,
    pub(crate) keys: AssertionKeys,
    pub(crate) skew: ClockSkew,
    pub(crate) optional: bool,
    pub(crate) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("audience", &self.audience)
            .field("keys", &self.keys)
            .field("skew", &self.skew)
            .field("optional", &self.optional)
            .finish_non_exhaustive()
    }
}

impl Opener {
    pub(crate) fn check_audience(audience: &str) -> Result<(), InvalidAudience> {
        if audience.is_empty() || audience == ORIGIN_AUDIENCE {
            return Err(InvalidAudience);
        }
        Ok(())
    }

    /// # Errors
    /// The refusal to send: the edge did not send the request, or it names no user and the route needs one.
    pub(crate) fn open(&self, parts: &Parts, now: UnixTime) -> Result<Caller, Problem> {
        let unverified = unverified_assertion(parts)?;
        let expected = Expected {
            audience: &self.audience,
            method: parts.method.as_str(),
            path: parts.uri.path(),
        };
        let opened = self
            .keys
            .open(unverified, &expected, now, self.skew)
            .map_err(problem)?;
        if !self.optional && (opened.user.is_none() || opened.identity.is_none()) {
            return Err(Problem::new(ErrorCode::TokenMissing));
        }
        Ok(Caller(Arc::new(opened)))
    }
}

fn unverified_assertion(parts: &Parts) -> Result<&str, Problem> {
    let mut values = parts.headers.get_all(headers::ASSERTION).iter();
    match (values.next(), values.next()) {
        (None, _) => {
            Err(Problem::new(ErrorCode::TokenMissing).message("The request did not come through the edge"))
        }
        (Some(value), None) => value.to_str().map_err(|_| problem(AssertionRejection::Malformed)),
        (Some(_), Some(_)) => Err(problem(AssertionRejection::Malformed)),
    }
}

fn problem(rejection: AssertionRejection) -> Problem {
    let (code, message) = match rejection {
        AssertionRejection::Malformed => (ErrorCode::TokenMalformed, "The assertion is malformed"),
        AssertionRejection::KeyUnknown => (ErrorCode::TokenKeyUnknown, "The assertion's key is unknown"),
        AssertionRejection::Signature => (
            ErrorCode::TokenSignatureInvalid,
            "The assertion's signature is invalid",
        ),
        AssertionRejection::Expired => (ErrorCode::TokenExpired, "The assertion has expired"),
        AssertionRejection::Audience => (ErrorCode::TokenAudience, "The assertion is for another audience"),
        AssertionRejection::Request => (ErrorCode::TokenAudience, "The assertion is for another request"),
    };
    Problem::new(code).message(message)
}
