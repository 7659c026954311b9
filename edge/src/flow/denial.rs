//! The legacy service calls every token bad while it cannot read its database, and a client that believes it signs its user out. Where the
//! edge has found the token good itself, it therefore asks v2 before it hands on such an answer.

use shared::fallback::Outcome;
use shared::identity::TokenKind;
use shared::problem::{ErrorCode, Problem};
use shared::routing::{Purpose, Side};

use super::Journey;
use super::attempt::{Sent, outcome_of};
use super::call::{Call, SERVICES_WRITE};
use crate::authenticate::Refusal;
use crate::paths::LegacyCall;
use crate::ports::{Answer, KeySource, SignatureEngine, Upstreams};

/// Longer than any verdict on a token, with a profile in it and white space around it, in bytes.
const MAX_VERDICT_BYTES: u32 = 64 * 1024;

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// How an attempt ended, given whether the edge has verified the token itself. A verdict of "invalid" comes with 200; on a good token
    /// it counts as a 401.
    pub(super) async fn outcome(
        &self,
        side: Side,
        call: &Call<'_>,
        sent: &Sent<U::Answer>,
    ) -> (Outcome, bool) {
        let proven = call.caller.is_some() && call.path != SERVICES_WRITE;
        let outcome = outcome_of(sent, side == Side::V2);
        let (Ok(answer), Some(token)) = (sent, call.unverified_token.as_deref()) else {
            return (outcome, proven);
        };
        let is_verdict = call.kind == LegacyCall::VerifyToken
            && (side, call.purpose) == (Side::Legacy, Purpose::Token(TokenKind::Legacy))
            && answer.status() == 200;
        if !is_verdict || !self.denies(answer).await {
            return (outcome, proven);
        }
        match self.gateway.verifier.examine(token, self.now).await {
            Ok(_) => (Outcome::Status(401), true),
            Err(_) => (outcome, proven),
        }
    }

    async fn denies(&self, answer: &U::Answer) -> bool {
        let body = self
            .upstreams
            .copy_of(answer, MAX_VERDICT_BYTES, self.gateway.config.timeout_ms)
            .await;
        body.and_then(|body| serde_json::from_slice::<serde_json::Value>(&body).ok())
            .is_some_and(|verdict| verdict.pointer("/data/valid") == Some(&serde_json::Value::Bool(false)))
    }

    /// For a write, which is never sent twice: checks that v2 refuses the user too, and the legacy service's answer may stand.
    ///
    /// # Errors
    /// 503: v2 does not refuse the user, or cannot say.
    pub(super) async fn doubt_denial(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let Some(caller) = &call.caller else {
            return Ok(());
        };
        match self.user(caller).await {
            Ok(_) => Err(Refusal::new(
                Problem::new(ErrorCode::UpstreamUnavailable),
                "denied_there",
            )),
            Err(refusal) if refusal.problem.status >= 500 => Err(refusal),
            Err(_) => Ok(()),
        }
    }
}
