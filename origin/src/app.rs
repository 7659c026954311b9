//! What a running service is made of; built by `main` and by the tests alike.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sqlx::PgPool;

use crate::config::Config;
use crate::operations::ledger::Ledger;
use crate::postgres;

/// A running service's parts.
#[derive(Debug)]
pub struct App {
    /// How it was configured.
    pub config: Config,
    /// The database.
    pub pool: PgPool,
    /// The token ledger.
    pub ledger: Ledger,
    /// Verifies tokens of callers that do not come through the edge.
    pub verifier: Verifier,
    /// When it started.
    pub started: Instant,
    /// Set at SIGTERM: in flight goes on, `/readyz` says no.
    pub draining: AtomicBool,
    /// Whether the schema has been seen to be the one this program was built for.
    pub schema_is_current: AtomicBool,
}

/// What handlers get.
pub type AppState = Arc<App>;

impl App {
    /// The parts for `config`. Nothing is connected yet, so this works while the database is down.
    #[must_use]
    pub fn new(config: Config) -> AppState {
        let pool = postgres::open(&config.database);
        Arc::new(Self {
            ledger: Ledger::new(pool.clone()),
            pool,
            verifier: Verifier::new(config.tokens.clone()),
            started: Instant::now(),
            draining: AtomicBool::new(false),
            schema_is_current: AtomicBool::new(false),
            config,
        })
    }
}

// Until the native key source is wired in: tokens that need no key set (legacy ones and the emulator's).
/// Verifies tokens.
#[derive(Debug)]
pub struct Verifier(shared::token::TokenPolicy);

impl Verifier {
    fn new(policy: shared::token::TokenPolicy) -> Self {
        Self(policy)
    }
    /// Verifies.
    ///
    /// # Errors
    /// Why not.
    pub async fn verify(
        &self,
        unverified: &str,
        now: shared::time::UnixTime,
    ) -> Result<Arc<shared::identity::ProvenIdentity>, shared::token::Rejection> {
        shared::token::verify(unverified, &self.0, &NoKeys, &NoEngine, now)
            .await
            .map(Arc::new)
    }
}
struct NoKeys;
impl shared::token::Keys for NoKeys {
    type Key = ();
    async fn find(
        &self,
        _: shared::token::Ring,
        _: &str,
        _: shared::time::UnixTime,
    ) -> Result<Option<()>, shared::token::KeysUnavailable> {
        Err(shared::token::KeysUnavailable { retry_after: 5 })
    }
}
struct NoEngine;
impl shared::token::SignatureEngine for NoEngine {
    type Key = ();
    async fn import(&self, _: &shared::token::RsaPublicKey) -> Result<(), shared::token::EngineFault> {
        Err(shared::token::EngineFault)
    }
    async fn verify_rs256(&self, _: &(), _: &[u8], _: &[u8]) -> Result<bool, shared::token::EngineFault> {
        Err(shared::token::EngineFault)
    }
}
