//! The pool, and what a failure of the database means.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;

use super::pool::{Connections, Lent, Pool, once};
use crate::config::DatabaseConfig;

/// How often a statement is run when its connection turns out to be dead. After a restart of the server every idle
/// connection is; each is found out at once.
const MAX_ATTEMPTS: u32 = 4;

/// Opens the pool without connecting: the service starts, and says so in `/readyz`, while the database is down.
#[must_use]
pub fn open(config: &DatabaseConfig) -> Pool {
    let plain = PgPoolOptions::new()
        .max_connections(config.pool_max)
        .acquire_timeout(config.acquire_timeout)
        .idle_timeout(Duration::from_secs(600))
        .max_lifetime(Duration::from_secs(1800))
        // A round trip before each use costs a fifth of the throughput; `run` deals with dead connections instead.
        .test_before_acquire(false)
        .connect_lazy_with(config.connect.clone());
    Pool::keeping(plain)
}

/// Runs `statement` on a connection of `pool`. It is run again when the connection was dead, so it must be one that may be
/// repeated: a read, or a write that recognises itself.
///
/// # Errors
/// [`DatabaseError`].
pub async fn run<P, T, F, Fut>(pool: &P, mut statement: F) -> Result<T, DatabaseError>
where
    P: Connections,
    F: FnMut(Lent) -> Fut,
    Fut: Future<Output = sqlx::Result<T>>,
{
    let mut attempt = 1;
    loop {
        match once(pool, &mut statement).await? {
            Ok(value) => return Ok(value),
            Err(error) if attempt < MAX_ATTEMPTS && is_dead_connection(&error) => {
                // The rest of the idle connections died with this one. A fresh one is opened for those that fail this test.
                discard_dead(pool);
                attempt = attempt.saturating_add(1);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends the connections that are not in use, after one of them turned out to be dead. The others may be dying: a server that ends
/// its sessions does so one after the other, so an answer now proves nothing for the statement to come.
pub(crate) fn discard_dead(pool: &impl Connections) {
    if let Some(kept) = pool.kept() {
        kept.distrust();
    }
    let pool = pool.plain();
    for _ in 0..pool.num_idle() {
        match pool.try_acquire() {
            Some(connection) => drop(connection.detach()),
            None => return,
        }
    }
}

/// The statement did not reach the server, or the server ended the session.
fn is_dead_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(database) => {
            matches!(database.code().as_deref(), Some("57P01" | "57P02"))
        }
        _ => false,
    }
}

/// Why the database gave no answer. Nothing of the cause is for callers.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached, is overloaded, or gave up on the statement: asking again later can help.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// It refused the statement: a fault in this program or in the schema.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] Arc<sqlx::Error>),
}

impl DatabaseError {
    /// The unique index or constraint that was violated, for callers that know what it means.
    #[must_use]
    pub fn violated_unique(&self) -> Option<&str> {
        self.violated("23505")
    }

    /// The foreign key that was violated, for callers that know what it means.
    #[must_use]
    pub fn violated_reference(&self) -> Option<&str> {
        self.violated("23503")
    }

    fn violated(&self, code: &str) -> Option<&str> {
        match self {
            Self::Refused(error) => {
                let error = error.as_database_error()?;
                (error.code().as_deref() == Some(code))
                    .then(|| error.constraint())
                    .flatten()
            }
            Self::Unavailable(_) => None,
        }
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(database) => database.code().is_some_and(|code| is_unavailable(&code)),
            _ => false,
        };
        if unavailable {
            Self::Unavailable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}

/// SQLSTATE classes and codes that speak of the server's state, not of the statement:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn is_unavailable(code: &str) -> bool {
    // Connection, insufficient resources, operator intervention (statement timeout and shutdown too), system error.
    const CLASSES: [&str; 4] = ["08", "53", "57", "58"];
    // Read-only after a failover; transactions that lost a conflict; no database, role or schema (yet).
    const CODES: [&str; 9] = [
        "25006", "40001", "40P01", "55P03", "3D000", "28000", "28P01", "42P01", "42703",
    ];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_the_server_are_told_from_faults_of_the_statement() {
        for code in [
            "08006", "53300", "57014", "57P01", "57P03", "25006", "40001", "42P01",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in ["23505", "23514", "22001", "42601", "XX000"] {
            assert!(!is_unavailable(code), "{code}");
        }
    }
}
