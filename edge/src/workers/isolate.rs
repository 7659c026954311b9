//! What one isolate keeps between requests.

use std::cell::RefCell;
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
use super::version::{Derived, Kept};
use super::watch::Watch;
use crate::breakers::Breakers;
use crate::caller::Caller;
use crate::config::EdgeConfig;
use crate::trace::Seed;
use crate::users::RememberedUsers;

/// About 4 KiB each, with the statements about the caller: 32 MiB of an isolate's 128.
const VERIFIED_TOKENS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

/// About 300 bytes each.
const USERS: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

thread_local! {
    static DERIVED: Kept<Isolate> = const { Kept::new() };
}

/// The state of one isolate under one configuration.
///
/// A change of the variables makes everything derived from them again. A value behind an `Rc` may be shared with the earlier configuration:
/// it stays valid as long as its addresses stay the same.
pub(super) struct Isolate {
    pub config: EdgeConfig,
    pub verified: RefCell<VerifiedTokens<Caller>>,
    pub keys: KeyRings,
    pub breakers: Rc<RefCell<Breakers>>,
    pub users: RefCell<RememberedUsers>,
    pub entropy: Rc<Entropy>,
    pub watch: Rc<Watch>,
    pub telemetry: Telemetry,
    pub shadows: Rc<Shadows>,
}

/// The state for the configuration in `env`; made at the first request that came with it.
pub(super) fn of(env: &Env) -> Derived<Isolate> {
    DERIVED.with(|kept| kept.derived(env, |before| start(env, before)))
}

fn start(env: &Env, before: Option<&Isolate>) -> Result<Rc<Isolate>, Faults> {
    let config = EdgeConfig::read(&Bindings(env)).inspect_err(complain)?;
    if let Some(faults) = &config.rollout_faults {
        complain(faults);
    }
    let same_services = before.filter(|before| before.config.asks_the_same_services(&config));
    Ok(Rc::new(Isolate {
        verified: RefCell::new(VerifiedTokens::new(VERIFIED_TOKENS)),
        keys: KeyRings::of(&config, before.map(|before| &before.keys)),
        breakers: same_services.map_or_else(Rc::default, |before| Rc::clone(&before.breakers)),
        users: RefCell::new(RememberedUsers::new(USERS)),
        entropy: before.map_or_else(Rc::default, |before| Rc::clone(&before.entropy)),
        watch: Rc::new(Watch::of(env, before.map(|before| before.watch.as_ref()))),
        telemetry: Telemetry::of(env),
        shadows: before.map_or_else(Rc::default, |before| Rc::clone(&before.shadows)),
        config,
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
