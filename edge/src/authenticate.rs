//! The identity of the caller: the bearer token, verified once.

use std::cell::RefCell;

use shared::headers;
use shared::problem::{ErrorCode, Problem};
use shared::time::UnixTime;
use shared::token::{self, Rejection, TokenPolicy, UnverifiedToken, VerifiedTokens, WrongKind};

use crate::caller::Caller;
use crate::ports::{KeySource, SignatureEngine};
use crate::request::Inbound;

/// What verification needs: the policy, the tokens verified a moment ago, the issuer's keys and the RSA primitive.
#[derive(Debug)]
pub struct Verifier<'a, K, E> {
    /// Which tokens are accepted.
    pub policy: &'a TokenPolicy,
    /// Tokens verified a moment ago.
    pub verified: &'a RefCell<VerifiedTokens<Caller>>,
    /// The issuer's keys.
    pub keys: &'a K,
    /// The RSA primitive.
    pub engine: &'a E,
}

/// Why a caller was refused: the answer, and the rule for log and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the caller sees.
    pub problem: Box<Problem>,
    /// The rule, finer than the code.
    pub reason: &'static str,
}

impl Refusal {
    /// A refusal for `reason`.
    #[must_use]
    pub fn new(problem: Problem, reason: &'static str) -> Self {
        Self {
            problem: Box::new(problem),
            reason,
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let mut problem = Problem::new(rejection.code()).message(rejection.to_string());
        problem.retry_after = rejection.retry_after();
        Self::new(problem, rejection.reason())
    }
}

impl<K, E> Verifier<'_, K, E>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
{
    /// The caller proven by the `Authorization` header, if there is one.
    ///
    /// # Errors
    /// [`Refusal`]: the header is not exactly one bearer token, the token breaks a rule, or keys cannot be fetched.
    pub async fn authenticate(
        &self,
        inbound: &Inbound<'_>,
        now: UnixTime,
    ) -> Result<Option<Caller>, Refusal> {
        let Some(authorization) = inbound.header("authorization") else {
            return Ok(None);
        };
        let unverified = headers::bearer_token(authorization).ok_or_else(|| {
            let problem = Problem::new(ErrorCode::TokenMalformed)
                .message("The Authorization header is not exactly one Bearer token");
            Refusal::new(problem, "authorization_header")
        })?;
        Ok(Some(self.verify(unverified, now).await?))
    }

    /// The caller proven by a token.
    ///
    /// # Errors
    /// [`Rejection`]: the token breaks a rule, or keys cannot be fetched.
    pub async fn verify(&self, unverified: &str, now: UnixTime) -> Result<Caller, Rejection> {
        let known = self.verified.borrow_mut().get(unverified, now);
        if let Some(known) = known {
            return Ok(known);
        }
        let identity = token::verify(unverified, self.policy, self.keys, self.engine, now).await?;
        let caller = Caller::new(identity);
        self.verified
            .borrow_mut()
            .insert(unverified, caller.clone(), self.policy, now);
        Ok(caller)
    }

    /// The caller of a token, for a service that asks about the token. It also accepts a token that the edge made for a service, which is
    /// no credential here.
    ///
    /// # Errors
    /// As [`Self::verify`], for all other reasons.
    pub async fn examine(&self, unverified: &str, now: UnixTime) -> Result<Caller, Rejection> {
        match self.verify(unverified, now).await {
            Err(Rejection::WrongKind(WrongKind::Translated)) => {
                let token = UnverifiedToken::parse(unverified)?;
                let identity = token.examine(self.policy, self.keys, self.engine, now).await?;
                Ok(Caller::new(identity))
            }
            judged => judged,
        }
    }
}
