//! The parts of a running service; `main` and the tests build it alike.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use database::{Pool, Replica};
use firebase::Firebase;
use http_client::NoClient;
use ledger::Ledger;
use limits::Limits;
use tokio::sync::Semaphore;
use users::accounts::{Accounts, MAX_RECOVERIES, MoveQueues};
use users::directory::Directory;
use users::ownership_notices::Notifying;
use users::passwords::Passwords;
use users::proofs::Proofs;
use verification::Verifier;

use crate::clock;
use crate::config::Config;
use crate::metrics::{Metrics, Parts};
use crate::telemetry::Traces;

/// A running service's parts.
#[derive(Debug)]
pub struct App {
    /// Its configuration.
    pub config: Config,
    /// The database.
    pub pool: Pool,
    /// A replica of it, for reads that may be some seconds old.
    pub replica: Option<Replica>,
    /// The token ledger.
    pub ledger: Ledger,
    /// Verifies tokens of callers that do not come through the edge.
    pub verifier: Arc<Verifier>,
    /// Users' operations on their accounts.
    pub accounts: Accounts,
    /// Notifies the operator's mailer of changes of ownership.
    pub notifying: Notifying,
    /// Limits how often clients may call.
    pub limits: Limits,
    /// Limits costly reads to a quarter of the pool: the rest is there for sign-ins.
    pub costly_reads: Semaphore,
    /// The counts for Prometheus.
    pub metrics: Metrics,
    /// The traces.
    pub traces: Traces,
    /// When the service started.
    pub started: Instant,
    /// Set at SIGTERM: requests in flight go on, and `/readyz` answers that the service is not ready.
    pub draining: AtomicBool,
    /// Whether a check has found the schema for which this program was built.
    pub schema_is_current: AtomicBool,
}

/// The state of the handlers: an [`App`], cheap to clone.
///
/// The field is a trait object for the compiler's sake: it proves a dozen times for each handler that threads may share the state, and
/// looks through every type in it. Here it stops; a sixth of the compilation of this crate was that.
#[derive(Debug, Clone)]
pub struct AppState(Arc<dyn Held>);

trait Held: fmt::Debug + Send + Sync {
    fn app(&self) -> &App;
}

impl Held for App {
    fn app(&self) -> &App {
        self
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        self.0.app()
    }
}

impl AppState {
    /// The parts for `config`, traced to `traces`. It connects to nothing yet and works while the database is down.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(config: Config, traces: Traces) -> Result<Self, NoClient> {
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
            moves: MoveQueues::default(),
            recoveries: Arc::new(Semaphore::new(MAX_RECOVERIES)),
            clock: clock::now,
        };
        let ledger = Ledger::new(pool.clone());
        let metrics = Metrics::new(Parts {
            pool: pool.clone(),
            replica: replica.clone(),
            ledger: ledger.clone(),
            verifier: Arc::clone(&verifier),
            limits: limits.clone(),
            traces: traces.clone(),
        });
        Ok(Self(Arc::new(App {
            notifying: Notifying::new(pool.clone(), config.ownership_notices.clone())?,
            ledger,
            pool,
            replica,
            verifier,
            accounts,
            costly_reads: Semaphore::new(usize::try_from(config.database.pool_max / 4).unwrap_or(1).max(1)),
            limits,
            metrics,
            traces,
            started: Instant::now(),
            draining: AtomicBool::new(false),
            schema_is_current: AtomicBool::new(false),
            config,
        })))
    }
}
