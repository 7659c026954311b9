//! An edge over stand-ins: services that answer from a table and record their requests, and a clock that the test sets.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop; clippy does not see that this file is one"
)]

mod services;
mod tokens;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use edge::authenticate::Verifier;
use edge::breakers::Breakers;
use edge::caller::Caller;
use edge::changes::HeaderChanges;
use edge::config::EdgeConfig;
use edge::flow::{Gateway, Replaced, ReplyBody};
use edge::ports::UpstreamFault;
use edge::request::Inbound;
use edge::shadow::ShadowRead;
use edge::trace::Seed;
use edge::users::RememberedUsers;
use shared::assertion::ORIGIN_AUDIENCE;
use shared::breaker::Admission;
use shared::callers::CallerMark;
use shared::fallback::{BodyFault, Dependency};
use shared::step_down::Report;
use shared::time::UnixTime;
use shared::token::{
    EngineFault, Keys, KeysUnavailable, Ring, RsaPublicKey, SignatureEngine, VerifiedTokens,
};

pub use services::Sent;
use services::{Services, World};
pub use tokens::{
    claims, emulator_cookie, emulator_token, emulator_token_by, legacy_token, legacy_token_saying,
};

pub const SERVICE_KEY: &str = "0123456789abcdef0123456789abcdef";
pub const ADMIN_KEY: &str = "admin-admin-admin-admin-admin-admin";
const LEGACY_SECRET: &str = "legacy-secret-legacy-secret-legacy";
const SOME: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// The edge's answer.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub route: &'static str,
    pub reason: &'static str,
    pub code: Option<&'static str>,
    /// Whether the service got a legacy token that the edge made.
    pub translated: bool,
    pub headers: HeaderChanges,
    pub shadow: Option<ShadowRead>,
    /// Whether the messages of the WebSocket go through the edge.
    pub replaces_tokens: bool,
    /// The body of an answer that the edge itself made.
    pub body: String,
}

pub struct Edge {
    config: EdgeConfig,
    verified: RefCell<VerifiedTokens<Caller>>,
    breakers: RefCell<Breakers>,
    users: RefCell<RememberedUsers>,
    tallies: RefCell<Report>,
    now: Cell<UnixTime>,
    world: World,
}

impl Edge {
    pub fn with(more: &[(&str, &str)]) -> Self {
        let mut variables: BTreeMap<String, String> = [
            ("ENVIRONMENT", "development"),
            ("FIREBASE_PROJECT_ID", "demo-crossfade"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"),
            ("ORIGIN_URL", "http://origin"),
            ("LEGACY_AUTH_URL", "http://legacy"),
            (
                "ORIGIN_ASSERTION_KEYS",
                "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ),
            ("LEGACY_JWT_SECRETS", LEGACY_SECRET),
            (
                "UPSTREAMS",
                r#"[{"prefix":"/api/archive","url":"http://archive","auth":"required"},
                    {"prefix":"/api/open","url":"http://open","auth":"none"}]"#,
            ),
        ]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        variables.insert(
            "INTERNAL_SERVICE_KEYS".to_owned(),
            format!("archive:{SERVICE_KEY},ops:{ADMIN_KEY}:admin"),
        );
        Self {
            config: EdgeConfig::read(&variables).unwrap(),
            verified: RefCell::new(VerifiedTokens::new(SOME)),
            breakers: RefCell::default(),
            users: RefCell::new(RememberedUsers::new(SOME)),
            tallies: RefCell::default(),
            now: Cell::new(UnixTime::from_secs(1_795_000_000)),
            world: World::default(),
        }
    }

    /// The service at `base` answers everything with `status`; 0 = cannot be reached.
    pub fn side(&self, base: &str, status: u16) {
        self.world.sides.borrow_mut().insert(base.to_owned(), status);
    }

    /// From now on the edge's own questions for `path` get this answer.
    pub fn answers(&self, path: &str, status: u16, body: &str) {
        let answer = (status, body.to_owned());
        self.world.answers.borrow_mut().insert(path.to_owned(), answer);
    }

    /// From now on the edge's own questions for `path` get no answer.
    pub fn silence(&self, path: &str) {
        self.world.answers.borrow_mut().remove(path);
    }

    /// The body of every answer that the edge reads.
    pub fn says(&self, body: &str) {
        body.clone_into(&mut self.world.verdict.borrow_mut());
    }

    /// The counters of these bindings say no from now on; the others, yes.
    pub fn exhaust(&self, bindings: &[&'static str]) {
        *self.world.exhausted.borrow_mut() = bindings.to_vec();
    }

    /// From now on no counter answers.
    pub fn break_counters(&self) {
        self.world.counter_fails.set(true);
    }

    /// The calls counted since the last question: binding and key.
    pub fn counted(&self) -> Vec<(String, String)> {
        self.world.counted.take()
    }

    /// From now on all sign-ins are sent back, or no longer.
    pub fn step_down(&self, down: bool) {
        self.world.stepped_down.set(down);
    }

    /// The outcomes at both sides so far.
    pub fn tallies(&self) -> Report {
        self.tallies.borrow().clone()
    }

    /// From now on every 503 names this dependency.
    pub fn lacks(&self, dependency: Option<Dependency>) {
        self.world.lacks.set(dependency);
    }

    /// From now on bodies fail in this way.
    pub fn bodies(&self, fault: Option<BodyFault>) {
        self.world.body_fault.set(fault);
    }

    /// From now on every request ends in this way.
    pub fn ends(&self, fault: Option<UpstreamFault>) {
        self.world.fault.set(fault);
    }

    /// Starts a probe of v2's breaker.
    pub fn probe_v2(&self) {
        let mark = CallerMark::of_name("a probe");
        let admitted = self
            .breakers
            .borrow_mut()
            .of(ORIGIN_AUDIENCE)
            .admit(mark, self.now.get());
        assert_eq!(admitted, Admission::Probe);
    }

    /// The breakers that are open.
    pub fn open_breakers(&self) -> Vec<String> {
        self.breakers.borrow().open().map(str::to_owned).collect()
    }

    /// Sends the same request from `callers` different callers.
    pub fn handle_by(&self, callers: u8, request: &str, body: &str) {
        for number in 0..callers {
            self.handle(&format!("{request}\ncf-connecting-ip:10.0.0.{number}"), body);
        }
    }

    /// Sets the clock.
    pub fn set(&self, moment: &str) {
        self.now.set(UnixTime::parse_rfc3339(moment).unwrap());
    }

    pub fn pass(&self, seconds: i64) {
        self.now.set(self.now.get().plus(seconds));
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.world.sent.borrow().clone()
    }

    pub fn last_sent(&self) -> Sent {
        self.world
            .sent
            .borrow()
            .last()
            .cloned()
            .expect("nothing was sent")
    }

    pub fn asked(&self, path: &str) -> usize {
        self.world
            .sent
            .borrow()
            .iter()
            .filter(|sent| sent.url.ends_with(path))
            .count()
    }

    /// What becomes of `packet`, a message of the WebSocket that `request` opened without a token.
    pub fn message(&self, request: &str, packet: &str) -> Replaced {
        let inbound = Inbound::parse(request).unwrap();
        let upstreams = self.services("");
        run(self.gateway(&|| self.now.get()).replace_token(
            &inbound,
            &upstreams,
            &Seed::default(),
            (packet, false),
        ))
    }

    fn services<'a>(&'a self, body: &'a str) -> Services<'a> {
        self.world.now.set(Some(self.now.get()));
        Services {
            world: &self.world,
            body: body.as_bytes(),
            sent_body: RefCell::default(),
        }
    }

    fn gateway<'a>(&'a self, clock: &'a dyn Fn() -> UnixTime) -> Gateway<'a, NoKeys, NoKeys> {
        Gateway {
            config: &self.config,
            verifier: Verifier {
                policy: &self.config.tokens,
                verified: &self.verified,
                keys: &NoKeys,
                engine: &NoKeys,
            },
            breakers: &self.breakers,
            users: &self.users,
            tallies: &self.tallies,
            clock,
        }
    }

    pub fn handle(&self, request: &str, body: &str) -> Answered {
        let inbound = Inbound::parse(request).unwrap();
        let upstreams = self.services(body);
        let clock = || self.now.get();
        let reply = run(self
            .gateway(&clock)
            .handle(&inbound, &upstreams, &Seed::default()));
        let (status, body) = match reply.body {
            ReplyBody::Relayed(answer) => (answer.status, Vec::new()),
            ReplyBody::Own(own) => (own.status, own.body),
            ReplyBody::Health(_) => (200, Vec::new()),
        };
        Answered {
            status,
            route: reply.notes.route,
            reason: reply.notes.reason,
            code: reply.notes.code,
            translated: reply.notes.translated,
            headers: reply.headers,
            shadow: reply.shadow,
            replaces_tokens: reply.replaces_tokens,
            body: String::from_utf8(body).unwrap(),
        }
    }
}

/// Nothing here ever waits, so one poll is enough.
fn run<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a stand-in waited"),
    }
}

/// Emulator and legacy tokens need neither keys nor RSA.
struct NoKeys;

impl Keys for NoKeys {
    type Key = ();

    async fn find(&self, _: Ring, _: &str, _: UnixTime) -> Result<Option<()>, KeysUnavailable> {
        panic!("no key is needed here")
    }
}

impl SignatureEngine for NoKeys {
    type Key = ();

    async fn import(&self, _: &RsaPublicKey) -> Result<(), EngineFault> {
        Err(EngineFault)
    }

    async fn verify_rs256(&self, (): &(), _: &[u8], _: &[u8]) -> Result<bool, EngineFault> {
        Err(EngineFault)
    }
}
