//! App services: they learn from the edge alone who the caller is.

use std::rc::Rc;

use serde::Deserialize;
use shared::assertion::ORIGIN_AUDIENCE;
use shared::fallback::Outcome;
use shared::headers;
use shared::identity::{AssertedUser, ProvenIdentity};
use shared::problem::{ErrorCode, Problem};
use shared::token::translation::Holder;

use super::attempt::NoAnswer;
use super::send::Statement;
use super::service::Service;
use super::translation::TokenInQuery;
use super::{Journey, ReplyBody};
use crate::authenticate::Refusal;
use crate::caller::Caller;
use crate::changes::HeaderChanges;
use crate::config::{AppService, AuthMode};
use crate::ports::{Ask, KeySource, SignatureEngine, Upstreams};
use crate::users::KnownUser;

/// The origin's path that names the caller; it creates the row at first sight.
const WHO: &str = "/v1/auth/me";

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    pub(super) async fn app_service(
        &mut self,
        service: &AppService,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let offer = self.handshake(service)?;
        let in_packets = self.token_in_packets(service)?;
        let body = self.receive().await?;
        if in_packets.is_some() {
            Self::is_held(body)?;
        }
        let query = TokenInQuery::read(self.inbound, service)?;
        let caller = match (service.auth, offer.unverified_token.or(query.unverified_token())) {
            (AuthMode::None, _) => None,
            (_, Some(unverified)) => Some(self.verify(unverified).await?),
            (_, None) => self.authenticate().await?,
        };
        if caller.is_none() && service.auth == AuthMode::Required && in_packets.is_none() {
            return Err(Refusal::new(
                Problem::new(ErrorCode::TokenMissing),
                "token_missing",
            ));
        }
        let mut changes = self.changes.clone();
        if service.auth != AuthMode::None && !service.forward_token {
            self.drop_token(&mut changes);
        }
        offer.strip(&mut changes);
        if let (Some(token), true) = (offer.unverified_token, service.forward_token) {
            changes.set("authorization", &format!("Bearer {token}"));
        }
        self.locate(&mut changes);
        let user = match &caller {
            Some(caller) => Some(self.admitted(service, caller).await?),
            None => None,
        };
        if let Some(name) = in_packets {
            self.replaces_tokens = self.inbound.asks_for_websocket();
            self.replace_in_body(service, name, caller.is_some(), &mut changes)
                .await?;
        }
        let mut sent_query = query.without_token();
        if let (Some(user), Some(caller)) = (&user, &caller) {
            introduce(&mut changes, user, caller);
            if service.translation.is_some() {
                self.translate(user, caller, |token| {
                    changes.set("authorization", &format!("Bearer {token}"));
                    sent_query = query.with_token(token);
                })?;
            }
        }
        let target = service
            .target(self.inbound.path(), &sent_query)
            .ok_or_else(two_slashes)?;
        let statement = Statement {
            audience: &service.name,
            method: self.inbound.method,
            target: &target,
            caller: caller.as_ref(),
            user: user.as_deref().map(|record| &**record),
        };
        self.vouch(&mut changes, &statement)?;
        let sent_to = Service {
            name: &service.name,
            timeout_ms: service.timeout_ms,
            repeatable: self.is_safe(),
            needs_google: false,
            has_other_side: false,
            is_last_resort: false,
            mark: self.mark(caller.as_ref()),
        };
        let answer = self
            .send(&sent_to, &target, &changes)
            .await
            .map_err(Refusal::from)?;
        offer.name(&mut self.on_answer);
        self.relocate(&answer, |location| {
            query.untold(location, |location| service.public_location(location))
        });
        self.notes.reason = "app_service";
        Ok(ReplyBody::Relayed(answer))
    }

    /// The record of a caller who may use `service`.
    pub(super) async fn admitted(
        &self,
        service: &AppService,
        caller: &Caller,
    ) -> Result<Rc<KnownUser>, Refusal> {
        let path = self.inbound.path();
        if caller.second_factor.is_none() && service.second_factor.covers(path) {
            return Err(Refusal::new(
                Problem::new(ErrorCode::SecondFactorRequired),
                "second_factor_missing",
            ));
        }
        if service.strict.covers(path) {
            return self.user_now(caller).await;
        }
        self.user(caller).await
    }

    /// Our own record of the caller. A change of the caller's access takes effect within [`shared::token::STANDING_SECONDS`]: the token
    /// itself does not say whether its user has been deactivated since, nor the user's id with us.
    pub(super) async fn user(&self, caller: &Caller) -> Result<Rc<KnownUser>, Refusal> {
        self.user_within(caller, self.gateway.config.timeout_ms).await
    }

    /// The same, where the origin may take `timeout_ms` for its answer.
    pub(super) async fn user_within(
        &self,
        caller: &Caller,
        timeout_ms: u32,
    ) -> Result<Rc<KnownUser>, Refusal> {
        self.follow_changes().await;
        if let Some(user) = self.gateway.users.borrow_mut().get(caller, self.now) {
            return Ok(user);
        }
        self.ask_who_within(caller, timeout_ms, Asks::Replica).await
    }

    /// Asks the origin for the caller's present record, and remembers it.
    pub(super) async fn ask_who(&self, caller: &Caller) -> Result<Rc<KnownUser>, Refusal> {
        self.ask_who_within(caller, self.gateway.config.timeout_ms, Asks::Primary)
            .await
    }

    async fn ask_who_within(
        &self,
        caller: &Caller,
        timeout_ms: u32,
        asks: Asks,
    ) -> Result<Rc<KnownUser>, Refusal> {
        let forgotten = self.gateway.users.borrow().forgotten();
        let target = self.gateway.config.origin.target(WHO, "");
        let mut changes = HeaderChanges::new();
        changes.set(headers::REQUEST_ID, self.trace.request_id.as_str());
        changes.set(headers::TRACEPARENT, &self.trace.traceparent);
        if asks == Asks::Primary {
            changes.set("cache-control", "no-cache");
        }
        let statement = Statement {
            audience: ORIGIN_AUDIENCE,
            method: "GET",
            target: &target,
            caller: Some(caller),
            user: None,
        };
        self.vouch(&mut changes, &statement)?;
        let origin = self.origin(WHO, Some(caller));
        self.admit(&origin).map_err(Refusal::from)?;
        let ask = Ask {
            method: "GET",
            url: target.url(),
            headers: &changes,
            body: "",
            timeout_ms: timeout_ms.min(self.gateway.config.timeout_ms),
        };
        let asked = self.upstreams.ask(&ask).await.map_err(NoAnswer::Fault);
        let outcome = asked.as_ref().map_or_else(
            |no_answer| no_answer.outcome(),
            |(status, _)| Outcome::Status(*status),
        );
        self.record(&origin, outcome);
        let (status, body) = asked.map_err(Refusal::from)?;
        let record = Rc::new(KnownUser::new(read_holder(status, &body)?));
        self.gateway
            .users
            .borrow_mut()
            .insert(caller, Rc::clone(&record), self.now, forgotten);
        Ok(record)
    }
}

/// Where the origin may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Also in a replica of its database, which may be [`shared::token::REPLICA_SECONDS`] old.
    Replica,
    /// Only in the primary.
    Primary,
}

fn two_slashes() -> Refusal {
    let problem =
        Problem::new(ErrorCode::ValidationError).message("Two slashes follow the prefix of the service");
    Refusal::new(problem, "request_target")
}

fn introduce(changes: &mut HeaderChanges, user: &AssertedUser, identity: &ProvenIdentity) {
    changes.set(headers::USER_ID, &user.id.to_string());
    changes.set(headers::USER_TYPE, &user.user_type);
    changes.set(headers::TOKEN_KIND, identity.kind.as_str());
    // Header values are bytes on the wire; an address outside ASCII would arrive differently in every framework. An unproven address is not
    // sent at all: the header could not mark it as unproven, and readers would take it for the caller's.
    let proven = user.email.as_deref().filter(|_| user.email_verified);
    if let Some(email) = proven.filter(|email| email.is_ascii()) {
        changes.set(headers::USER_EMAIL, email);
    }
}

#[derive(Deserialize)]
struct Me {
    data: MeData,
}

#[derive(Deserialize)]
struct MeData {
    user: Holder,
}

fn read_holder(status: u16, body: &[u8]) -> Result<Holder, Refusal> {
    let refuse = |code, reason| Refusal::new(Problem::new(code), reason);
    match status {
        200 => serde_json::from_slice::<Me>(body)
            .map(|me| me.data.user)
            .map_err(|_| refuse(ErrorCode::Internal, "origin_answer")),
        401 => Err(refuse(ErrorCode::TokenRevoked, "revoked")),
        403 => Err(refuse(ErrorCode::UserDisabled, "disabled")),
        // The row of a legacy token is gone.
        404 => Err(refuse(ErrorCode::UserNotFound, "user_gone")),
        409 => Err(refuse(ErrorCode::AccountLinkConflict, "link_conflict")),
        _ => Err(refuse(ErrorCode::UpstreamUnavailable, "origin_status")),
    }
}
