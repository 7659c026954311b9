//! What a running service is made of; built by `main` and by the tests alike.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use database::{Pool, Replica};
use firebase::Firebase;
use firebase::http_client::NoClient;
use ledger::Ledger;
use limits::Limits;
use tokio::sync::Semaphore;
use users::accounts::{Accounts, MAX_RECOVERIES};
use users::directory::Directory;
use users::ownership_notices::Notifying;
use users::passwords::Passwords;
use users::proofs::Proofs;
use verification::Verifier;

use crate::clock;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::telemetry::Traces;

/// A running service's parts.
#[derive(Debug)]
pub struct App {
    /// How it was configured.
    pub config: Config,
    /// The database.
    pub pool: Pool,
    /// A replica of it, for what may be some seconds old.
    pub replica: Option<Replica>,
    /// The token ledger.
    pub ledger: Ledger,
    /// Verifies tokens of callers that do not come through the edge.
    pub verifier: Arc<Verifier>,
    /// What users do with their accounts.
    pub accounts: Accounts,
    /// Tells of changes of ownership.
    pub notifying: Notifying,
    /// Who may call how often.
    pub limits: Limits,
    /// Places for reads that cost the database more than others: a quarter of the pool, so that the rest is there for sign-ins.
    pub costly_reads: Semaphore,
    /// What is counted.
    pub metrics: Metrics,
    /// What is traced.
    pub traces: Traces,
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
    /// The parts for `config`, traced to `traces`. Nothing is connected yet, so this works while the database is down.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(config: Config, traces: Traces) -> Result<AppState, NoClient> {
        let pool = database::open(&config.database);
        let replica =
            database::open_replica(&config.database).map(|replica| Replica::new(pool.clone(), replica));
        let verifier = Arc::new(Verifier::new(
            config.tokens.clone(),
            &config.key_urls,
            config.verified_tokens,
        ));
        let firebase = Firebase::new(&config.firebase, clock::now)?;
        let limits = Limits::new(&config.limits, &config.assertion_keys);
        let accounts = Accounts {
            directory: Directory::new(pool.clone(), Some(config.firebase.home.clone()))
                .reading(replica.clone()),
            proofs: Proofs::new(firebase.clone(), clock::now),
            firebase,
            passwords: Passwords::new(config.bcrypt_cost, config.bcrypt_max_cost),
            limits: limits.clone(),
            verifier: Arc::clone(&verifier),
            welcome_tokens: config.welcome_tokens,
            legacy_session: config.legacy_session,
            recoveries: Arc::new(Semaphore::new(MAX_RECOVERIES)),
            clock: clock::now,
        };
        Ok(Arc::new(Self {
            notifying: Notifying::new(pool.clone(), config.ownership_notices.clone())?,
            ledger: Ledger::new(pool.clone()),
            pool,
            replica,
            verifier,
            accounts,
            costly_reads: Semaphore::new(usize::try_from(config.database.pool_max / 4).unwrap_or(1).max(1)),
            limits,
            metrics: Metrics::default(),
            traces,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            schema_is_current: AtomicBool::new(false),
            config,
        }))
    }
}
