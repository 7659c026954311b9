//! Sending a request to one service: with our statement, through its breaker.

use shared::assertion::{Assertion, CannotSeal, ORIGIN_AUDIENCE};
use shared::breaker::Admission;
use shared::fallback::Outcome;
use shared::headers;
use shared::identity::Person;
use shared::problem::{ErrorCode, Problem};
use shared::routing::Side;

use super::Journey;
use super::denial::SERVICES_WRITE;
use super::legacy::Call;
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::changes::HeaderChanges;
use crate::config::Target;
use crate::paths::LegacyCall;
use crate::ports::{Answer, Forward, KeySource, SignatureEngine, UpstreamFault, Upstreams};
use crate::scrub;

/// The legacy service's name for its breaker. The origin goes by its audience, app services by their own names.
const LEGACY: &str = "legacy";

/// Why there is no answer from a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing was sent.
    BreakerOpen { retry_after: u32 },
    /// Something went wrong on the way.
    Fault(UpstreamFault),
}

impl NoAnswer {
    pub fn outcome(self) -> Outcome {
        match self {
            Self::BreakerOpen { .. } => Outcome::BreakerOpen,
            Self::Fault(UpstreamFault::Unreachable) => Outcome::Unreachable,
            Self::Fault(UpstreamFault::Timeout) => Outcome::Timeout,
        }
    }
}

impl From<NoAnswer> for Refusal {
    fn from(no_answer: NoAnswer) -> Self {
        let (problem, reason) = match no_answer {
            NoAnswer::BreakerOpen { retry_after } => (
                Problem::new(ErrorCode::UpstreamUnavailable).retry_after(retry_after),
                "breaker_open",
            ),
            NoAnswer::Fault(UpstreamFault::Unreachable) => (
                Problem::new(ErrorCode::UpstreamUnavailable),
                "upstream_unreachable",
            ),
            NoAnswer::Fault(UpstreamFault::Timeout) => {
                (Problem::new(ErrorCode::UpstreamTimeout), "upstream_timeout")
            }
        };
        Self::new(problem, reason)
    }
}

/// What the edge states to a service about the request it sends there.
pub(super) struct Statement<'a> {
    /// Whom it is for.
    pub audience: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// Where the request goes.
    pub target: &'a Target,
    /// Whom the edge verified.
    pub caller: Option<&'a Caller>,
    /// Who that is with us.
    pub person: Option<&'a Person>,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// The origin believes the assertion and nothing else, so the token itself stays here: what is not sent on cannot leak from
    /// there.
    pub(super) async fn to_origin(
        &self,
        target: &Target,
        caller: Option<&Caller>,
    ) -> Result<Result<U::Answer, NoAnswer>, Refusal> {
        let changes = self.origin_changes(target, caller)?;
        Ok(self
            .send(ORIGIN_AUDIENCE, target, &changes, self.gateway.config.timeout_ms)
            .await)
    }

    /// What changes on a request to the origin.
    pub(super) fn origin_changes(
        &self,
        target: &Target,
        caller: Option<&Caller>,
    ) -> Result<HeaderChanges, Refusal> {
        let mut changes = self.changes.clone();
        self.drop_token(&mut changes);
        self.hand_on_key(&mut changes);
        let statement = Statement {
            audience: ORIGIN_AUDIENCE,
            method: self.inbound.method,
            target,
            caller,
            person: None,
        };
        self.vouch(&mut changes, &statement)?;
        Ok(changes)
    }

    /// The legacy service knows nothing of assertions. It verifies tokens itself, so the token goes along; where it reads none,
    /// none is sent. A service's key goes to the two calls that ask for one.
    pub(super) async fn to_legacy(&self, target: &Target, call: &Call<'_>) -> Result<U::Answer, NoAnswer> {
        let mut changes = self.changes.clone();
        if call.kind != LegacyCall::Bearer {
            self.drop_token(&mut changes);
        }
        if call.kind == LegacyCall::VerifyToken {
            // Its verdict is read here, where not every coding of a client's choice can be undone.
            changes.set("accept-encoding", "identity");
        }
        self.locate(&mut changes);
        let reads_key = call.kind == LegacyCall::ServiceOnly || call.path == SERVICES_WRITE;
        if reads_key && self.service.is_some() {
            self.hand_on_key(&mut changes);
            // Its second condition beside the key; removed before when a stranger said it.
            changes.set("x-internal-service", "true");
        }
        self.send(LEGACY, target, &changes, self.gateway.config.timeout_ms)
            .await
    }

    /// Puts back the key that proved a service. It opens the origin's routes for services, so nobody else gets to see it.
    fn hand_on_key(&self, changes: &mut HeaderChanges) {
        if let (Some(_), Some(key)) = (self.service, self.inbound.header(headers::SERVICE_KEY)) {
            changes.set(headers::SERVICE_KEY, key);
        }
    }

    /// Says where the caller is; the origin reads that in the assertion.
    pub(super) fn locate(&self, changes: &mut HeaderChanges) {
        changes.set(scrub::FORWARDED_PROTO, self.inbound.scheme());
        if let Some(address) = self.inbound.client_ip() {
            changes.set(scrub::FORWARDED_FOR, address);
        }
    }

    pub(super) fn drop_token(&self, changes: &mut HeaderChanges) {
        if self.inbound.header("authorization").is_some() {
            changes.remove("authorization");
        }
        self.drop_session_cookie(changes);
    }

    /// Adds the edge's signed `statement`, under the key of whom it is for.
    pub(super) fn vouch(
        &self,
        changes: &mut HeaderChanges,
        statement: &Statement<'_>,
    ) -> Result<(), Refusal> {
        let assertion = Assertion {
            audience: statement.audience,
            method: statement.method,
            path: statement.target.path(),
            request_id: &self.trace.request_id,
            client_ip: self.inbound.client_ip(),
            identity: statement.caller.map(|caller| &**caller),
            person: statement.person,
        };
        let sealer = self.gateway.config.sealers.of(statement.audience);
        let sealed = sealer
            .ok_or(CannotSeal)
            .and_then(|sealer| match statement.caller {
                Some(caller) => caller.opening(sealer)?.seal(&assertion, self.now),
                None => sealer.about_nobody().seal(&assertion, self.now),
            })
            .map_err(|_| Refusal::new(Problem::new(ErrorCode::Internal), "cannot_seal"))?;
        changes.set(headers::ASSERTION, &sealed);
        Ok(())
    }

    /// Sends the request to the service called `name`, unless its breaker is open.
    pub(super) async fn send(
        &self,
        name: &str,
        target: &Target,
        changes: &HeaderChanges,
        timeout_ms: u32,
    ) -> Result<U::Answer, NoAnswer> {
        if let Err(open) = self.admit(name) {
            self.count(name, open.outcome());
            return Err(open);
        }
        let forward = Forward {
            url: target.url(),
            changes,
            timeout_ms,
        };
        let sent = self.upstreams.send(&forward).await.map_err(NoAnswer::Fault);
        let outcome = match &sent {
            Ok(answer) => Outcome::Status(answer.status()),
            Err(no_answer) => no_answer.outcome(),
        };
        self.record(name, outcome);
        self.count(name, outcome);
        sent
    }

    /// Counts an attempt at one of the two sides, for whoever decides about stepping down.
    fn count(&self, name: &str, outcome: Outcome) {
        let side = match name {
            ORIGIN_AUDIENCE => Side::V2,
            LEGACY => Side::Legacy,
            _ => return,
        };
        self.gateway.tallies.borrow_mut().count(side, outcome);
    }

    pub(super) fn admit(&self, name: &str) -> Result<(), NoAnswer> {
        match self.gateway.breakers.borrow_mut().of(name).admit(self.now) {
            Admission::Send | Admission::Probe => Ok(()),
            Admission::Refuse { retry_after } => Err(NoAnswer::BreakerOpen { retry_after }),
        }
    }

    pub(super) fn record(&self, name: &str, outcome: Outcome) {
        let now = (self.gateway.clock)();
        self.gateway
            .breakers
            .borrow_mut()
            .of(name)
            .record(outcome.is_down(), now);
    }
}
