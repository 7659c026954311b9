//! The legacy contract: the user's own side answers it, and the other side when that side fails or does not know the user.

use shared::assertion::ORIGIN_AUDIENCE;
use shared::autopilot::UserMark;
use shared::fallback::{self, Attempt, Counts, Outcome};
use shared::problem::{ErrorCode, Problem};
use shared::routing::{self, Decision, Facts, Purpose, Reason, Side};

use super::attempt::{Sent, outcome_of};
use super::call::Call;
use super::service::{LEGACY, Service};
use super::standing::Honoured;
use super::{Journey, ReplyBody};
use crate::authenticate::Refusal;
use crate::paths::LegacyCall;
use crate::ports::{Body, KeySource, SignatureEngine, Upstreams};
use crate::shadow::{self, ShadowRead};

/// Which of two attempts this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    /// The other side is asked if this one cannot be.
    First,
    /// No other side is asked.
    Only,
    /// The other side has failed already.
    Last,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    pub(super) async fn legacy_contract(
        &mut self,
        path: &str,
        kind: LegacyCall,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let call = self.read(path, kind).await?;
        if let Some((legacy, caller)) = self.legacy_only(&call) {
            return self.ask_legacy_only(&call, legacy, caller).await;
        }
        let decision = self.decide(&call).await;
        self.notes.bucket = decision.bucket.map(|bucket| bucket.number());
        if self.is_honoured(&call, decision).await? == Honoured::No {
            let sent = self.to_side(Side::V2, &call, Rank::Only).await?;
            let answer = sent.map_err(Refusal::from)?;
            self.notes.route = Side::V2.as_str();
            self.notes.reason = "token_void";
            return Ok(ReplyBody::Relayed(answer));
        }
        // Only the issuer's side can answer a call that needs a token.
        let has_other_side = self.gateway.config.legacy.is_some()
            && matches!(call.purpose, Purpose::SignIn | Purpose::Registration);
        let rank = if has_other_side { Rank::First } else { Rank::Only };
        let began_ms = self.upstreams.now_ms();
        let first = self.to_side(decision.side, &call, rank).await?;
        self.sight(
            decision,
            &call,
            outcome_of(&first, decision.side == Side::V2),
            began_ms,
        );
        let (side, reason, sent) = self.perhaps_fall_back(decision, &call, first).await?;
        let answer = sent.map_err(Refusal::from)?;
        let config = self.gateway.config;
        let base = match (side, &config.legacy) {
            (Side::Legacy, Some(legacy)) => legacy,
            _ => &config.origin,
        };
        self.relocate(&answer, |location| base.public_location(location));
        if (decision.side, side) == (Side::Legacy, Side::Legacy) {
            self.shadow = self.shadow_of(&call);
        }
        self.notes.route = side.as_str();
        self.notes.reason = reason;
        Ok(ReplyBody::Relayed(answer))
    }

    /// Reads the purpose of the call.
    async fn read<'p>(&mut self, path: &'p str, kind: LegacyCall) -> Result<Call<'p>, Refusal> {
        let mut call = Call {
            path,
            kind,
            purpose: Purpose::Other,
            caller: None,
            email: None,
            unverified_token: None,
            body: self.receive().await?,
        };
        if kind == LegacyCall::ServiceOnly {
            call.purpose = Purpose::Registration;
            return if self.service.is_some() {
                Ok(call)
            } else {
                Err(Refusal::new(
                    Problem::new(ErrorCode::Forbidden).message("A service key is needed"),
                    "service_key_missing",
                ))
            };
        }
        if kind == LegacyCall::Bearer {
            call.caller = self.authenticate().await?;
            if let Some(caller) = &call.caller {
                call.purpose = Purpose::Token(caller.kind);
            }
            return Ok(call);
        }
        let body = self.peek();
        self.limit_account(&body).await?;
        call.purpose = match kind {
            LegacyCall::VerifyToken => body
                .token_kind(&self.gateway.config.tokens)
                .map_or(Purpose::Other, Purpose::Token),
            LegacyCall::Registration => Purpose::Registration,
            _ => Purpose::SignIn,
        };
        call.email = body.email();
        call.unverified_token = body.token().map(str::to_owned);
        Ok(call)
    }

    async fn decide(&self, call: &Call<'_>) -> Decision {
        let stepped_down = match call.purpose {
            // A token goes to its issuer in every case.
            Purpose::Token(_) => false,
            Purpose::SignIn | Purpose::Registration | Purpose::Other => {
                self.upstreams.is_stepped_down().await
            }
        };
        let facts = Facts {
            purpose: call.purpose,
            email: call.email.as_ref(),
            id: None,
            cookie: None,
            stepped_down,
        };
        let base = &self.gateway.config.rollout;
        let overridden = self.upstreams.overridden(base, self.now);
        routing::decide(&facts, overridden.as_deref().unwrap_or(base))
    }

    async fn to_side(&self, side: Side, call: &Call<'_>, rank: Rank) -> Result<Sent<U::Answer>, Refusal> {
        let config = self.gateway.config;
        let mut service = Service {
            repeatable: is_repeatable(self.inbound.method, call.kind),
            has_other_side: rank == Rank::First,
            is_last_resort: rank == Rank::Last,
            ..self.origin(call.path, call.caller.as_ref())
        };
        match (side, &config.legacy) {
            (Side::Legacy, Some(legacy)) => {
                (service.name, service.needs_google) = (LEGACY, false);
                let target = legacy.target(call.path, self.inbound.query());
                Ok(self.to_legacy(&target, call, &service).await)
            }
            _ => {
                Self::is_held(call.body)?;
                let target = config.origin.target(call.path, self.inbound.query());
                self.to_origin(&target, call.caller.as_ref(), &service).await
            }
        }
    }

    /// Asks the other side where that is safe and may help, and chooses between the two answers.
    async fn perhaps_fall_back(
        &mut self,
        decision: Decision,
        call: &Call<'_>,
        first: Sent<U::Answer>,
    ) -> Result<(Side, &'static str, Sent<U::Answer>), Refusal> {
        let (outcome, proven) = self.outcome(decision.side, call, &first).await;
        let attempt = Attempt {
            purpose: call.purpose,
            side: decision.side,
            repeatable: is_repeatable(self.inbound.method, call.kind),
            proven,
        };
        let can_resend = call.body == Body::Whole || outcome == Outcome::BreakerOpen;
        let has_other = self.gateway.config.legacy.is_some();
        let cause = fallback::cause(attempt, outcome).filter(|_| can_resend && has_other);
        let Some(cause) = cause else {
            if attempt.is_denial(outcome) {
                self.doubt_denial(call).await?;
            }
            return Ok((decision.side, decision.reason.as_str(), first));
        };
        let other = decision.side.other();
        let second = self.to_side(other, call, Rank::Last).await?;
        match fallback::settle(call.purpose, outcome, outcome_of(&second, other == Side::V2)) {
            Counts::First => {
                self.discard(second);
                Ok((decision.side, decision.reason.as_str(), first))
            }
            Counts::Second => {
                self.discard(first);
                self.notes.instead_of = Some(decision.side.as_str());
                Ok((other, cause.as_str(), second))
            }
        }
    }

    /// Counts a sign-in for the autopilot, where the percentage alone decided: users on a list are no fair sample.
    fn sight(&self, decision: Decision, call: &Call<'_>, outcome: Outcome, began_ms: u64) {
        let is_sampled = matches!(decision.reason, Reason::InCohort | Reason::NotInCohort);
        let Some(plan) = &self.gateway.config.autopilot else {
            return;
        };
        if call.kind == LegacyCall::SignIn && is_sampled {
            let took_ms = self.upstreams.now_ms().saturating_sub(began_ms);
            let (sightings, mark) = (&mut self.gateway.tallies.borrow_mut().sightings, self.mark(None));
            sightings.sign_in(decision.side, outcome, mark, took_ms, plan.slow_ms);
            if let (Some(email), Some(_)) = (&call.email, plan.follows()) {
                let user = UserMark::of(&self.gateway.config.counters, email);
                sightings.session(decision.side, outcome, mark, user);
            }
        }
    }

    /// The same read at v2, if this read is to be compared and v2's breaker is closed.
    fn shadow_of(&self, call: &Call<'_>) -> Option<ShadowRead> {
        let config = self.gateway.config;
        let wanted = shadow::is_wanted(
            self.inbound.method,
            call.path,
            call.kind,
            call.purpose,
            config.shadow,
            self.seed,
        );
        if !wanted
            || call.body != Body::Whole
            || self.gateway.breakers.borrow_mut().of(ORIGIN_AUDIENCE).is_open()
        {
            return None;
        }
        let target = config.origin.target(call.path, self.inbound.query());
        let changes = self.origin_changes(&target, call.caller.as_ref()).ok()?;
        Some(ShadowRead {
            url: target.url().to_owned(),
            changes,
            timeout_ms: config.timeout_ms,
            caller: self.mark(call.caller.as_ref()),
        })
    }

    fn discard(&self, sent: Sent<U::Answer>) {
        if let Ok(answer) = sent {
            self.upstreams.discard(answer);
        }
    }
}

/// Whether sending the request twice has the same effect as sending it once.
fn is_repeatable(method: &str, kind: LegacyCall) -> bool {
    match kind {
        LegacyCall::SignIn | LegacyCall::VerifyToken => true,
        LegacyCall::PasswordReset | LegacyCall::Registration | LegacyCall::ServiceOnly => false,
        LegacyCall::Bearer => matches!(method, "GET" | "HEAD" | "OPTIONS"),
    }
}
