//! The legacy service knows of no sign-outs and deactivations at v2: its tokens are good until they expire. The edge therefore asks the
//! origin whether their user may still act before it forwards them, as it does for app services: once in a while for each user, and at once
//! for users with a changed access.
//!
//! Only the origin's refusal counts. While the origin cannot answer, legacy tokens go to the legacy service as before.

use shared::assertion::ORIGIN_AUDIENCE;
use shared::identity::TokenKind;
use shared::problem::ErrorCode;
use shared::routing::{Decision, Purpose, Side};

use super::Journey;
use super::call::{Call, SERVICES_WRITE};
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::paths::LegacyCall;
use crate::ports::{KeySource, SignatureEngine, Upstreams};

/// How long the origin may take to name the caller, in milliseconds. After that the call goes to the legacy service.
const PATIENCE_MS: u32 = 1_000;

/// Where a call with a token that the legacy service would accept goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Honoured {
    /// To the side that it was meant for.
    Yes,
    /// To the origin alone: it answers in the contract's words that the token is void.
    No,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// Whether the edge may ask the legacy service about the legacy token of `call`.
    ///
    /// # Errors
    /// The origin's refusal of its user: signed out since, or deactivated.
    pub(super) async fn is_honoured(&self, call: &Call<'_>, decision: Decision) -> Result<Honoured, Refusal> {
        let goes_there = decision.side == Side::Legacy && self.gateway.config.legacy.is_some();
        if !goes_there || call.purpose != Purpose::Token(TokenKind::Legacy) {
            return Ok(Honoured::Yes);
        }
        match (&call.caller, call.unverified_token.as_deref(), call.kind) {
            (Some(caller), _, _) if (self.inbound.method, call.path) != ("PUT", SERVICES_WRITE) => {
                self.is_void(caller).await.map_or(Ok(Honoured::Yes), Err)
            }
            (None, Some(unverified), LegacyCall::VerifyToken) => {
                // The legacy service itself refuses a token that breaks a rule.
                let Ok(caller) = self.gateway.verifier.examine(unverified, self.now).await else {
                    return Ok(Honoured::Yes);
                };
                Ok(match self.is_void(&caller).await {
                    Some(_) => Honoured::No,
                    None => Honoured::Yes,
                })
            }
            _ => Ok(Honoured::Yes),
        }
    }

    /// Why the origin refuses `caller`, if it does.
    async fn is_void(&self, caller: &Caller) -> Option<Refusal> {
        if self.gateway.breakers.borrow_mut().of(ORIGIN_AUDIENCE).is_open() {
            return None;
        }
        let refusal = self.user_within(caller, PATIENCE_MS).await.err()?;
        let is_final = [ErrorCode::TokenRevoked, ErrorCode::UserDisabled]
            .iter()
            .any(|code| code.as_str() == refusal.problem.code);
        is_final.then_some(refusal)
    }
}
