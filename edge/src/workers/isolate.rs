//! What one isolate keeps between requests.

use std::cell::{OnceCell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;

use shared::config::Faults;
use shared::token::VerifiedTokens;
use worker::Env;

use super::env::Bindings;
use super::glue;
use super::keys::KeyRings;
use super::shadow::Shadows;
use super::telemetry::Telemetry;
use super::watch::Watch;
use crate::breakers::Breakers;
use crate::caller::Caller;
use crate::config::EdgeConfig;
use crate::people::RememberedPeople;
use crate::trace::Seed;

/// About 4 KiB each, with what is stated about the caller: 32 MiB of an isolate's 128.
const VERIFIED_TOKENS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

/// About 300 bytes each.
const PEOPLE: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

/// The state of one isolate.
pub(super) struct Isolate {
    pub config: EdgeConfig,
    pub verified: RefCell<VerifiedTokens<Caller>>,
    pub keys: KeyRings,
    pub breakers: RefCell<Breakers>,
    pub people: RefCell<RememberedPeople>,
    pub entropy: Entropy,
    pub watch: Watch,
    pub telemetry: Telemetry,
    pub shadows: Shadows,
}

thread_local! {
    static ISOLATE: OnceCell<Rc<Result<Rc<Isolate>, Faults>>> = const { OnceCell::new() };
}

/// The isolate's state; made at its first request. Variables cannot change under a running isolate: a deployment starts new
/// ones.
pub(super) fn of(env: &Env) -> Rc<Result<Rc<Isolate>, Faults>> {
    ISOLATE.with(|isolate| Rc::clone(isolate.get_or_init(|| Rc::new(start(env)))))
}

fn start(env: &Env) -> Result<Rc<Isolate>, Faults> {
    let config = EdgeConfig::read(&Bindings(env)).inspect_err(complain)?;
    if let Some(faults) = &config.rollout_faults {
        complain(faults);
    }
    Ok(Rc::new(Isolate {
        config,
        verified: RefCell::new(VerifiedTokens::new(VERIFIED_TOKENS)),
        keys: KeyRings::default(),
        breakers: RefCell::default(),
        people: RefCell::new(RememberedPeople::new(PEOPLE)),
        entropy: Entropy::default(),
        watch: Watch::of(env),
        telemetry: Telemetry::of(env),
        shadows: Shadows::default(),
    }))
}

fn complain(faults: &Faults) {
    for fault in &faults.0 {
        let line = serde_json::json!({
            "level": "error", "code": "CONFIG_INVALID", "variable": fault.name, "reason": fault.reason,
        });
        glue::log("warn", &line.to_string());
    }
}

/// Random bytes, fetched from the runtime 85 requests at a time.
#[derive(Default)]
pub(super) struct Entropy(RefCell<Vec<u8>>);

impl Entropy {
    const POOL_BYTES: u32 = 2_040;

    /// Bytes for one request.
    pub fn seed(&self) -> Seed {
        let mut pool = self.0.borrow_mut();
        let mut seed = Seed::default();
        if pool.len() < seed.name.len().saturating_add(seed.span.len()) {
            *pool = glue::random(Self::POOL_BYTES).to_vec();
        }
        for byte in seed.name.iter_mut().chain(&mut seed.span) {
            *byte = pool.pop().unwrap_or_default();
        }
        seed
    }
}
