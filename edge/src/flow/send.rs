//! Sends a request to one service: with the edge's statement, through the service's breaker.

use shared::assertion::{Assertion, CannotSeal, ORIGIN_AUDIENCE};
use shared::fallback::Outcome;
use shared::headers;
use shared::identity::AssertedUser;
use shared::problem::{ErrorCode, Problem};

use super::Journey;
use super::attempt::{NoAnswer, Sent, outcome_of};
use super::call::{Call, SERVICES_WRITE};
use super::service::Service;
use crate::address;
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::changes::HeaderChanges;
use crate::config::Target;
use crate::paths::LegacyCall;
use crate::ports::{Body, Forward, KeySource, SignatureEngine, Upstreams};
use crate::scrub;

/// The edge's statement to a service about the request that it sends there.
pub(super) struct Statement<'a> {
    /// The receiver.
    pub audience: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The address of the request.
    pub target: &'a Target,
    /// The user that the edge verified.
    pub caller: Option<&'a Caller>,
    /// Our own record of that user.
    pub user: Option<&'a AssertedUser>,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// Reads the body's beginning, where the request announces one or its method usually has one.
    pub(super) async fn receive(&self) -> Result<Body, Refusal> {
        let announces = || {
            let length = self.inbound.header("content-length");
            length.is_some_and(|length| length != "0") || self.inbound.header("transfer-encoding").is_some()
        };
        if self.is_safe() && !announces() {
            return Ok(Body::Whole);
        }
        self.upstreams.read_body().await.map_err(Refusal::from)
    }

    /// Checks that the edge has read the whole body ([`Self::receive`]) before it sends it to the origin: the origin takes no longer body,
    /// and a refusal that it sent in the middle of an upload might get lost with the connection.
    pub(super) fn is_held(body: Body) -> Result<(), Refusal> {
        match body {
            Body::Whole => Ok(()),
            Body::Begun => Err(Refusal::new(
                Problem::new(ErrorCode::PayloadTooLarge),
                "body_too_large",
            )),
        }
    }

    /// The origin believes the assertion and nothing else, so the token itself stays here: what is not sent on cannot leak from
    /// there.
    pub(super) async fn to_origin(
        &self,
        target: &Target,
        caller: Option<&Caller>,
        service: &Service<'_>,
    ) -> Result<Sent<U::Answer>, Refusal> {
        let changes = self.origin_changes(target, caller)?;
        Ok(self.send(service, target, &changes).await)
    }

    /// The changes of a request to the origin.
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
            user: None,
        };
        self.vouch(&mut changes, &statement)?;
        Ok(changes)
    }

    /// The legacy service does not know assertions. It verifies tokens itself, so the edge forwards the token; where the service reads
    /// none, the edge sends none. Two calls need a service's key, and only they get it.
    pub(super) async fn to_legacy(
        &self,
        target: &Target,
        call: &Call<'_>,
        service: &Service<'_>,
    ) -> Sent<U::Answer> {
        let mut changes = self.changes.clone();
        if call.kind == LegacyCall::Bearer {
            // It reads the header, and no cookie of ours.
            self.drop_session_cookie(&mut changes);
        } else {
            self.drop_token(&mut changes);
        }
        if call.kind == LegacyCall::VerifyToken {
            // The edge reads its verdict, and cannot undo every coding that a client may choose.
            changes.set("accept-encoding", "identity");
        }
        self.locate(&mut changes);
        let reads_key = call.kind == LegacyCall::ServiceOnly || call.path == SERVICES_WRITE;
        if reads_key && self.service.is_some() {
            self.hand_on_key(&mut changes);
            // The service's second condition beside the key; scrubbing has removed a stranger's header of this name.
            changes.set("x-internal-service", "true");
        }
        self.send(service, target, &changes).await
    }

    /// Puts back the key that proved a service. It opens the origin's routes for services, so no other service gets it.
    fn hand_on_key(&self, changes: &mut HeaderChanges) {
        if let (Some(_), Some(key)) = (self.service, self.inbound.header(headers::SERVICE_KEY)) {
            changes.set(headers::SERVICE_KEY, key);
        }
    }

    /// States the caller's address; the origin reads it in the assertion instead.
    pub(super) fn locate(&self, changes: &mut HeaderChanges) {
        changes.set(scrub::FORWARDED_PROTO, self.inbound.scheme());
        if let Some(address) = address::address(self.inbound) {
            changes.set(scrub::FORWARDED_FOR, address);
        }
    }

    pub(super) fn drop_token(&self, changes: &mut HeaderChanges) {
        if self.inbound.header("authorization").is_some() {
            changes.remove("authorization");
        }
        self.drop_session_cookie(changes);
    }

    /// Adds the edge's signed `statement`, under the key of its receiver.
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
            client_ip: address::address(self.inbound),
            identity: statement.caller.map(|caller| &**caller),
            user: statement.user,
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

    /// Sends the request to `service`, unless its breaker is open.
    pub(super) async fn send(
        &self,
        service: &Service<'_>,
        target: &Target,
        changes: &HeaderChanges,
    ) -> Sent<U::Answer> {
        if let Err(open) = self.admit(service) {
            self.count(service, open.outcome());
            return Err(open);
        }
        let forward = Forward {
            url: target.url(),
            changes,
            timeout_ms: service.timeout_ms,
            repeatable: service.repeatable,
        };
        let sent = self.upstreams.send(&forward).await.map_err(NoAnswer::Fault);
        let outcome = outcome_of(&sent, service.name == ORIGIN_AUDIENCE);
        self.record(service, outcome);
        self.count(service, outcome);
        match (sent, outcome) {
            // A page of the network's about a service that is away.
            (Ok(answer), Outcome::Status(status @ (520..=527 | 530))) => {
                self.upstreams.discard(answer);
                Err(NoAnswer::Away(status))
            }
            (sent, _) => sent,
        }
    }
}
