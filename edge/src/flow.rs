//! One request through the edge: scrub → authenticate → decide → forward → fall back. Generic over the ports, so that every
//! decision is tested without a runtime.

mod app;
mod attempt;
mod browser_session;
mod call;
mod denial;
mod follow;
mod legacy;
mod legacy_only;
mod limits;
mod location;
mod notes;
mod rollout;
mod send;
mod service;
mod socket_io;
mod standing;
mod strict;
mod translation;
mod websocket;

use std::cell::RefCell;

use shared::autopilot::Plan;
use shared::headers;
use shared::problem::{ErrorCode, Problem};
use shared::routing::Side;
use shared::service_keys::Service;
use shared::step_down::Report;
use shared::time::UnixTime;

use crate::answer::{self, Asked, OwnAnswer};
use crate::authenticate::{Refusal, Verifier};
use crate::breakers::Breakers;
use crate::caller::Caller;
use crate::changes::HeaderChanges;
use crate::config::EdgeConfig;
use crate::cors;
use crate::paths::{self, Access, Own, Route};
use crate::ports::{Answer as _, KeySource, SignatureEngine, Upstreams};
use crate::request::Inbound;
use crate::scrub;
use crate::shadow::ShadowRead;
use crate::trace::{Seed, Trace};
use crate::users::RememberedUsers;
pub use notes::Notes;
pub use socket_io::{RefusedPacket, Replaced};

/// The state of one isolate, as one request sees it.
pub struct Gateway<'a, K, E> {
    /// The configuration.
    pub config: &'a EdgeConfig,
    /// The verifier that proves a caller.
    pub verifier: Verifier<'a, K, E>,
    /// The services that the isolate must not ask now.
    pub breakers: &'a RefCell<Breakers>,
    /// The users that the isolate remembers.
    pub users: &'a RefCell<RememberedUsers>,
    /// The outcomes at both sides since the last report.
    pub tallies: &'a RefCell<Report>,
    /// The time.
    pub clock: &'a dyn Fn() -> UnixTime,
}

impl<K, E> std::fmt::Debug for Gateway<'_, K, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("config", self.config)
            .finish_non_exhaustive()
    }
}

/// The answer to a request, and the notes about it.
#[derive(Debug)]
pub struct Reply<A> {
    /// The answer.
    pub body: ReplyBody<A>,
    /// Our headers on it.
    pub headers: HeaderChanges,
    /// The notes for the journal.
    pub notes: Notes,
    /// The same read at the other side, for comparison once this answer has been sent.
    pub shadow: Option<ShadowRead>,
    /// Whether the tokens in the messages of the WebSocket that this answer opens are to be replaced ([`Gateway::replace_token`]).
    pub replaces_tokens: bool,
}

/// Who made the answer.
#[derive(Debug)]
pub enum ReplyBody<A> {
    /// A service behind the edge; handed on untouched, except for messages of a WebSocket ([`Reply::replaces_tokens`]).
    Relayed(A),
    /// The edge.
    Own(OwnAnswer),
    /// The edge, asked about itself: only the runtime's side knows the state of the keys.
    Health(Own),
}

const EDGE: &str = "edge";

impl<K, E> Gateway<'_, K, E>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
{
    /// Answers `inbound`. Never fails: a fault becomes an answer, too.
    pub async fn handle<U: Upstreams>(
        &self,
        inbound: &Inbound<'_>,
        upstreams: &U,
        seed: &Seed,
    ) -> Reply<U::Answer> {
        let mut journey = self.journey(inbound, upstreams, seed);
        let body = match journey.travel().await {
            Ok(body) => body,
            Err(refusal) => journey.refuse(&refusal),
        };
        let mut headers = HeaderChanges::new();
        let is_relayed = matches!(body, ReplyBody::Relayed(_));
        if let ReplyBody::Relayed(answer) = &body {
            headers.extend(&journey.on_answer);
            if answer.status() == 503 {
                headers.remove(shared::headers::DEPENDENCY);
            }
        }
        answer::mark(
            &mut headers,
            journey.trace.request_id.as_str(),
            journey.notes.route,
            journey.notes.reason,
        );
        journey.announce_limit(&mut headers);
        if is_relayed && journey.is_private() {
            headers.set_unless_present("cache-control", "no-store");
        }
        self.config.cors.apply(inbound, &mut headers);
        let mut notes = journey.notes;
        notes.trace = Some(journey.trace);
        Reply {
            body,
            headers,
            notes,
            shadow: journey.shadow,
            replaces_tokens: journey.replaces_tokens,
        }
    }

    fn journey<'a, U>(
        &'a self,
        inbound: &'a Inbound<'a>,
        upstreams: &'a U,
        seed: &'a Seed,
    ) -> Journey<'a, 'a, K, E, U> {
        let trace = Trace::continued(
            inbound.header(headers::REQUEST_ID),
            inbound.header(headers::TRACEPARENT),
            seed,
        );
        let (changes, service) = scrub::scrub(inbound, &self.config.service_keys, &trace);
        Journey {
            gateway: self,
            inbound,
            upstreams,
            now: (self.clock)(),
            notes: Notes {
                route: EDGE,
                service: service.map(|service| service.name.clone()),
                ..Notes::default()
            },
            trace,
            changes,
            service,
            seed,
            shadow: None,
            on_answer: HeaderChanges::default(),
            replaces_tokens: false,
        }
    }
}

/// One request on its way.
struct Journey<'a, 'b, K, E, U> {
    gateway: &'a Gateway<'b, K, E>,
    inbound: &'a Inbound<'a>,
    upstreams: &'a U,
    /// When it arrived.
    now: UnixTime,
    trace: Trace,
    /// The changes of the request, for whichever side it goes to.
    changes: HeaderChanges,
    service: Option<&'a Service>,
    notes: Notes,
    seed: &'a Seed,
    shadow: Option<ShadowRead>,
    /// The changes of a service's answer, before the marks that every answer gets.
    on_answer: HeaderChanges,
    replaces_tokens: bool,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    async fn travel(&mut self) -> Result<ReplyBody<U::Answer>, Refusal> {
        if let Some(fault) = self.inbound.target_fault() {
            let problem = Problem::new(ErrorCode::ValidationError).message(fault.message());
            return Err(Refusal::new(problem, "request_target"));
        }
        if cors::is_preflight(self.inbound) {
            self.notes.reason = "preflight";
            return Ok(ReplyBody::Own(OwnAnswer::empty(204)));
        }
        self.drop_offered_upgrade();
        match paths::route(self.inbound.path()) {
            Route::Own(Own::Rollout) => self.rollout().await,
            Route::Own(own) => {
                self.notes.reason = "own";
                Ok(ReplyBody::Health(own))
            }
            Route::New { path, access } => {
                self.refuse_upgrade()?;
                self.limit(&path).await?;
                self.new_contract(&path, access).await
            }
            Route::Legacy { path, call } => {
                self.refuse_upgrade()?;
                self.limit(path).await?;
                self.legacy_contract(path, call).await
            }
            Route::App => match self.gateway.config.app_services.find(self.inbound.path()) {
                Some(service) => self.app_service(service).await,
                None => Err(not_found()),
            },
            Route::Unknown => Err(not_found()),
        }
    }

    /// Only the origin answers the new contract: there is no other side for a fallback.
    async fn new_contract(&mut self, path: &str, access: Access) -> Result<ReplyBody<U::Answer>, Refusal> {
        Self::is_held(self.receive().await?)?;
        let caller = match access {
            Access::Public => None,
            Access::Bearer => self.authenticate().await?,
        };
        if self.notes.limit.is_some_and(paths::Limit::names_account) {
            let body = self.peek();
            self.limit_account(&body).await?;
        }
        let target = self.gateway.config.origin.target(path, self.inbound.query());
        let service = self.origin(path, caller.as_ref());
        let sent = self.to_origin(&target, caller.as_ref(), &service).await?;
        let answer = sent.map_err(Refusal::from)?;
        self.notes.route = Side::V2.as_str();
        let origin = &self.gateway.config.origin;
        self.relocate(&answer, |location| origin.public_location(location));
        self.notes.reason = "new_contract";
        Ok(ReplyBody::Relayed(answer))
    }

    /// Whether the answer is about one user: an answer of either contract, or to a request with a token.
    fn is_private(&self) -> bool {
        !matches!(paths::route(self.inbound.path()), Route::App)
            || self.notes.token_kind.is_some()
            || self.inbound.header("authorization").is_some()
    }

    async fn authenticate(&mut self) -> Result<Option<Caller>, Refusal> {
        let caller = match self.gateway.verifier.authenticate(self.inbound, self.now).await? {
            None => self.browser_session().await?,
            caller => caller,
        };
        self.notes.token_kind = caller.as_ref().map(|caller| caller.kind);
        if let Some(caller) = &caller {
            self.follow_session(caller);
        }
        Ok(caller)
    }

    /// Reports a session in use to the autopilot, at the times when that is evidence. At other times it costs a subtraction.
    fn follow_session(&self, caller: &Caller) {
        let config = self.gateway.config;
        let Some(follows) = config.autopilot.as_ref().and_then(Plan::follows) else {
            return;
        };
        let age = self.now.since(caller.auth_time);
        if follows.wants(age) {
            caller.tell_use(&config.counters, self.now, |user| {
                let mut tallies = self.gateway.tallies.borrow_mut();
                tallies.sightings.sessions.used(user, age)
            });
        }
    }

    /// The caller proven by a token outside the `Authorization` header.
    async fn verify(&mut self, unverified: &str) -> Result<Caller, Refusal> {
        let caller = self.gateway.verifier.verify(unverified, self.now).await?;
        self.notes.token_kind = Some(caller.kind);
        self.follow_session(&caller);
        Ok(caller)
    }

    fn refuse(&mut self, refusal: &Refusal) -> ReplyBody<U::Answer> {
        self.notes.route = EDGE;
        self.notes.reason = refusal.reason;
        self.notes.code = Some(refusal.problem.code);
        let asked = Asked {
            request_id: self.trace.request_id.as_str(),
            path: self.inbound.path(),
            accept: self.inbound.header("accept"),
        };
        ReplyBody::Own(OwnAnswer::problem(&refusal.problem, &asked, self.now))
    }
}

fn not_found() -> Refusal {
    Refusal::new(Problem::new(ErrorCode::NotFound), "not_found")
}
