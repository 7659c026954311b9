//! Running a statement on a session of the pool.

use std::future::Future;
use std::time::Duration;

use crate::config::DatabaseConfig;
use crate::error::DatabaseError;
use crate::pool::{Borrowed, Limits, Pool, Purpose};
use crate::servers::{Opening, Settings};

/// How much longer than the server a statement is waited for: the server ends it first where there is one.
const GRACE: Duration = Duration::from_secs(1);

/// How long a statement may take on a replica, before the primary is asked.
const REPLICA_STATEMENT: Duration = Duration::from_secs(1);
/// How long a statement waits for a session with a replica.
const REPLICA_ACQUIRE: Duration = Duration::from_millis(250);

/// Opens the pool without connecting: the service starts, and says so in `/readyz`, while the database is down.
#[must_use]
pub fn open(config: &DatabaseConfig) -> Pool {
    let settings = Settings {
        statement_timeout: config.statement_timeout,
        pooler: config.pooler,
    };
    let limits = Limits {
        sessions: config.pool_max,
        acquire: config.acquire_timeout,
        statement: config.statement_timeout.saturating_add(GRACE),
    };
    Pool::new(Opening::new(config.servers.clone(), Some(settings)), limits)
}

/// The same for the replica, if there is one. Whoever waits for it can ask the primary instead, so nothing waits for long.
#[must_use]
pub fn open_replica(config: &DatabaseConfig) -> Option<Pool> {
    let servers = config.replica.clone()?;
    let settings = Settings {
        statement_timeout: config.statement_timeout.min(REPLICA_STATEMENT),
        pooler: config.pooler,
    };
    let limits = Limits {
        sessions: config.pool_max,
        acquire: config.acquire_timeout.min(REPLICA_ACQUIRE),
        statement: REPLICA_STATEMENT,
    };
    Some(Pool::new(Opening::new(servers, Some(settings)), limits))
}

/// Runs `statement` on a session of `pool`. It is run again where its session turned out to be over, so it must be one that may be
/// repeated: a read, or a write that recognises itself.
///
/// # Errors
/// [`DatabaseError`].
pub async fn run<T, F, Fut>(pool: &Pool, statement: F) -> Result<T, DatabaseError>
where
    F: FnMut(Borrowed) -> Fut,
    Fut: Future<Output = sqlx::Result<T>>,
{
    pool.repeatedly(Purpose::Write, statement).await
}

/// The same for a statement that writes nothing: it does not wait for those that do.
///
/// # Errors
/// [`DatabaseError`].
pub async fn read<T, F, Fut>(pool: &Pool, statement: F) -> Result<T, DatabaseError>
where
    F: FnMut(Borrowed) -> Fut,
    Fut: Future<Output = sqlx::Result<T>>,
{
    pool.repeatedly(Purpose::Read, statement).await
}
