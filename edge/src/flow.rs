//! One request through the edge: scrub → authenticate → decide → forward → fall back. Generic over the ports, so that every
//! decision is tested without a runtime.

use std::sync::Arc;

use shared::assertion::{Assertion, ORIGIN_AUDIENCE};
use shared::headers;
use shared::identity::{ProvenIdentity, TokenKind};
use shared::ids::NormalizedEmail;
use shared::problem::{ErrorCode, Problem};
use shared::routing::{self, Facts, Purpose, Side};
use shared::service_keys::Service;
use shared::time::UnixTime;

use crate::answer::{self, Asked, OwnAnswer};
use crate::authenticate::{Refusal, Verifier};
use crate::body::{MAX_PEEKED_BYTES, UnverifiedBody};
use crate::changes::HeaderChanges;
use crate::config::{AppService, AuthMode, EdgeConfig, Target};
use crate::cors;
use crate::paths::{self, Access, LegacyCall, Own, Route};
use crate::ports::{Answer, Forward, KeySource, SignatureEngine, UpstreamFault, Upstreams};
use crate::request::Inbound;
use crate::scrub;
use crate::trace::{Seed, Trace};

/// What one isolate knows, for as long as it lives.
#[derive(Debug)]
pub struct Gateway<'a, K, E> {
    /// The configuration.
    pub config: &'a EdgeConfig,
    /// What proves a caller.
    pub verifier: Verifier<'a, K, E>,
}

/// The answer to a request, and what is to be said about it.
#[derive(Debug)]
pub struct Reply<A> {
    /// The answer.
    pub body: ReplyBody<A>,
    /// Our headers on it.
    pub headers: HeaderChanges,
    /// The notes for the journal.
    pub notes: Notes,
}

/// Who made the answer.
#[derive(Debug)]
pub enum ReplyBody<A> {
    /// A service behind the edge; handed on untouched.
    Relayed(A),
    /// The edge.
    Own(OwnAnswer),
    /// The edge, asked about itself: only the runtime's side knows the state of the keys.
    Health(Own),
}

/// What the journal says about a request.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// The request's name and trace.
    pub trace: Option<Trace>,
    /// Which side answered.
    pub route: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The kind of token that was verified.
    pub token_kind: Option<TokenKind>,
    /// The stable code of a failure made here.
    pub code: Option<&'static str>,
    /// The person's bucket, where one decided.
    pub bucket: Option<u16>,
}

const EDGE: &str = "edge";

impl<K, E> Gateway<'_, K, E>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
{
    /// Answers `inbound`. Never fails: what goes wrong is an answer too.
    pub async fn handle<U: Upstreams>(
        &self,
        inbound: &Inbound<'_>,
        upstreams: &U,
        seed: &Seed,
        now: UnixTime,
    ) -> Reply<U::Answer> {
        let trace = Trace::continued(
            inbound.header(headers::REQUEST_ID),
            inbound.header(headers::TRACEPARENT),
            seed,
        );
        let (changes, service) = scrub::scrub(inbound, &self.config.service_keys, &trace);
        let mut journey = Journey {
            gateway: self,
            inbound,
            upstreams,
            now,
            changes,
            service,
            notes: Notes {
                route: EDGE,
                ..Notes::default()
            },
            trace,
        };
        let body = match journey.travel().await {
            Ok(body) => body,
            Err(refusal) => {
                journey.notes.route = EDGE;
                journey.notes.reason = refusal.reason;
                journey.notes.code = Some(refusal.problem.code);
                let asked = Asked {
                    request_id: journey.trace.request_id.as_str(),
                    path: inbound.path,
                    accept: inbound.header("accept"),
                };
                ReplyBody::Own(OwnAnswer::problem(&refusal.problem, &asked, now))
            }
        };
        let mut headers = HeaderChanges::new();
        answer::mark(
            &mut headers,
            journey.trace.request_id.as_str(),
            journey.notes.route,
            journey.notes.reason,
        );
        self.config.cors.apply(inbound, &mut headers);
        let mut notes = journey.notes;
        notes.trace = Some(journey.trace);
        Reply { body, headers, notes }
    }
}

/// One request on its way.
struct Journey<'a, 'b, K, E, U> {
    gateway: &'a Gateway<'b, K, E>,
    inbound: &'a Inbound<'a>,
    upstreams: &'a U,
    now: UnixTime,
    trace: Trace,
    /// What changes on the request, whatever side it goes to.
    changes: HeaderChanges,
    service: Option<&'a Service>,
    notes: Notes,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    async fn travel(&mut self) -> Result<ReplyBody<U::Answer>, Refusal> {
        if cors::is_preflight(self.inbound) {
            self.notes.reason = "preflight";
            return Ok(ReplyBody::Own(OwnAnswer::empty(204)));
        }
        match paths::route(self.inbound.path) {
            Route::Own(own) => {
                self.notes.reason = "own";
                Ok(ReplyBody::Health(own))
            }
            Route::New { path, access } => {
                let identity = match access {
                    Access::Public => None,
                    Access::Bearer => self.authenticate().await?,
                };
                self.notes.route = Side::V2.as_str();
                self.notes.reason = "new_contract";
                let target = self.gateway.config.origin.target(&path, self.inbound.query);
                self.to_origin(&target, identity.as_deref()).await
            }
            Route::Legacy { path, call } => self.legacy_contract(path, call).await,
            Route::App => match self.gateway.config.app_services.find(self.inbound.path) {
                Some(service) => self.to_app_service(service).await,
                None => Err(not_found()),
            },
            Route::Unknown => Err(not_found()),
        }
    }

    async fn authenticate(&mut self) -> Result<Option<Arc<ProvenIdentity>>, Refusal> {
        let identity = self.gateway.verifier.authenticate(self.inbound, self.now).await?;
        self.notes.token_kind = identity.as_ref().map(|identity| identity.kind);
        Ok(identity)
    }

    /// The legacy contract is answered by whichever side the person is on.
    async fn legacy_contract(
        &mut self,
        path: &str,
        call: LegacyCall,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let config = self.gateway.config;
        let mut identity = None;
        let mut email: Option<NormalizedEmail> = None;
        let purpose = match call {
            LegacyCall::Bearer => {
                identity = self.authenticate().await?;
                identity
                    .as_ref()
                    .map_or(Purpose::Other, |identity| Purpose::Token(identity.kind))
            }
            LegacyCall::VerifyToken => {
                let body = self.unverified_body().await;
                body.token_kind(&config.tokens)
                    .map_or(Purpose::Other, Purpose::Token)
            }
            LegacyCall::SignIn | LegacyCall::Registration => {
                email = self.unverified_body().await.email();
                if call == LegacyCall::SignIn {
                    Purpose::SignIn
                } else {
                    Purpose::Registration
                }
            }
        };
        let facts = Facts {
            purpose,
            email: email.as_ref(),
            id: None,
            cookie: None,
            stepped_down: false,
        };
        let decision = routing::decide(&facts, &config.rollout);
        self.notes.route = decision.side.as_str();
        self.notes.reason = decision.reason.as_str();
        self.notes.bucket = decision.bucket.map(|bucket| bucket.number());
        match (decision.side, &config.legacy) {
            (Side::Legacy, Some(legacy)) => {
                let target = legacy.target(path, self.inbound.query);
                self.to_legacy(&target, call).await
            }
            _ => {
                let target = config.origin.target(path, self.inbound.query);
                self.to_origin(&target, identity.as_deref()).await
            }
        }
    }

    async fn unverified_body(&self) -> UnverifiedBody {
        match self.upstreams.peek_body(MAX_PEEKED_BYTES).await {
            Some(bytes) => UnverifiedBody::read(&bytes, self.inbound.header("content-type")),
            None => UnverifiedBody::default(),
        }
    }

    /// The origin believes the assertion and nothing else, so the token itself stays here: what is not sent on cannot leak from
    /// there.
    async fn to_origin(
        &self,
        target: &Target,
        identity: Option<&ProvenIdentity>,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let mut changes = self.changes.clone();
        self.drop_token(&mut changes);
        self.vouch(&mut changes, ORIGIN_AUDIENCE, target, identity)?;
        self.send(target, &changes, self.gateway.config.timeout_ms).await
    }

    /// The legacy service knows nothing of assertions. It verifies the token itself, so the token goes along; on a sign-in there
    /// is none to verify.
    async fn to_legacy(&self, target: &Target, call: LegacyCall) -> Result<ReplyBody<U::Answer>, Refusal> {
        let mut changes = self.changes.clone();
        if call != LegacyCall::Bearer {
            self.drop_token(&mut changes);
        }
        if self.service.is_some() {
            // Its second condition beside the key; removed above when a stranger said it.
            changes.set("x-internal-service", "true");
        }
        self.send(target, &changes, self.gateway.config.timeout_ms).await
    }

    async fn to_app_service(&mut self, service: &AppService) -> Result<ReplyBody<U::Answer>, Refusal> {
        self.notes.reason = "app_service";
        let identity = match service.auth {
            AuthMode::None => None,
            AuthMode::Optional | AuthMode::Required => self.authenticate().await?,
        };
        if identity.is_none() && service.auth == AuthMode::Required {
            return Err(Refusal {
                problem: Problem::new(ErrorCode::TokenMissing),
                reason: "token_missing",
            });
        }
        let target = service.target(self.inbound.path, self.inbound.query);
        let mut changes = self.changes.clone();
        if service.auth != AuthMode::None && !service.forward_token {
            self.drop_token(&mut changes);
        }
        self.vouch(&mut changes, &service.name, &target, identity.as_deref())?;
        self.send(&target, &changes, service.timeout_ms).await
    }

    fn drop_token(&self, changes: &mut HeaderChanges) {
        if self.inbound.header("authorization").is_some() {
            changes.remove("authorization");
        }
    }

    /// Adds the edge's signed statement about this request for `audience`.
    fn vouch(
        &self,
        changes: &mut HeaderChanges,
        audience: &str,
        target: &Target,
        identity: Option<&ProvenIdentity>,
    ) -> Result<(), Refusal> {
        let assertion = Assertion {
            audience,
            method: self.inbound.method,
            path: target.path(),
            request_id: &self.trace.request_id,
            client_ip: self.inbound.header(scrub::CLIENT_IP),
            identity,
        };
        let sealed = self
            .gateway
            .config
            .assertion_keys
            .seal(&assertion, self.now)
            .map_err(|_| Refusal {
                problem: Problem::new(ErrorCode::Internal),
                reason: "cannot_seal",
            })?;
        changes.set(headers::ASSERTION, &sealed);
        Ok(())
    }

    async fn send(
        &self,
        target: &Target,
        changes: &HeaderChanges,
        timeout_ms: u32,
    ) -> Result<ReplyBody<U::Answer>, Refusal> {
        let forward = Forward {
            url: target.url(),
            changes,
            timeout_ms,
        };
        match self.upstreams.send(&forward).await {
            Ok(answer) => Ok(ReplyBody::Relayed(answer)),
            Err(fault) => Err(Refusal::from(fault)),
        }
    }
}

impl From<UpstreamFault> for Refusal {
    fn from(fault: UpstreamFault) -> Self {
        let (code, reason) = match fault {
            UpstreamFault::Unreachable => (ErrorCode::UpstreamUnavailable, "upstream_unreachable"),
            UpstreamFault::Timeout => (ErrorCode::UpstreamTimeout, "upstream_timeout"),
        };
        Self {
            problem: Problem::new(code),
            reason,
        }
    }
}

fn not_found() -> Refusal {
    Refusal {
        problem: Problem::new(ErrorCode::NotFound),
        reason: "not_found",
    }
}

impl<A: Answer> ReplyBody<A> {
    /// The HTTP status, once it is known.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Relayed(answer) => Some(answer.status()),
            Self::Own(own) => Some(own.status),
            Self::Health(_) => None,
        }
    }
}
