//! Runs a statement on a session of the pool.

use std::future::Future;
use std::time::Duration;

use crate::config::DatabaseConfig;
use crate::error::DatabaseError;
use crate::pool::{Borrowed, Limits, Pool, Purpose};
use crate::servers::{Opening, Settings};

/// How much longer than the server's limit the origin waits for a statement: the server, if it answers, ends it first.
const GRACE: Duration = Duration::from_secs(1);

/// How long a statement may take on a replica before the caller asks the primary.
const REPLICA_STATEMENT: Duration = Duration::from_secs(1);
/// How long a statement waits for a session with a replica.
const REPLICA_ACQUIRE: Duration = Duration::from_millis(250);

/// Opens the pool without connecting: the service starts while the database is down, and says it in `/readyz`.
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

/// The same for the replica, if there is one. Its limits are short: a caller can ask the primary instead.
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

/// Runs `statement` on a session of `pool`, and again if its session turned out to be over. The statement must be repeatable: a read, or a
/// write that recognises its own repetition.
///
/// # Errors
/// [`DatabaseError`].
pub async fn run<T, F, Fut>(pool: &Pool, statement: F) -> Result<T, DatabaseError>
where
    T: Send,
    F: FnMut(Borrowed) -> Fut + Send,
    Fut: Future<Output = sqlx::Result<T>> + Send,
{
    pool.repeatedly(Purpose::Write, statement).await
}

/// The same for a statement that writes nothing: it does not wait for writers.
///
/// # Errors
/// [`DatabaseError`].
pub async fn read<T, F, Fut>(pool: &Pool, statement: F) -> Result<T, DatabaseError>
where
    T: Send,
    F: FnMut(Borrowed) -> Fut + Send,
    Fut: Future<Output = sqlx::Result<T>> + Send,
{
    pool.repeatedly(Purpose::Read, statement).await
}
