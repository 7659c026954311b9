//! Whether a session stays ours between two statements.
//!
//! A pooler may give sessions to other clients after each transaction. The name of a prepared statement may then mean another program's
//! statement: a log-out could close an account. No answer reveals this, therefore the origin checks it before the first statement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

/// How long each step of the check may take.
const STEP: Duration = Duration::from_secs(1);
/// How often the check is repeated: another program may have held the session by chance.
const ROUNDS: u32 = 3;

/// The kind of pooler between the program and the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pooler {
    /// The server itself, or a pooler that leaves a session to one client for as long as it is connected.
    #[default]
    Session,
    /// A pooler that gives sessions to other clients after each transaction. Every statement is then a transaction of its own, which leaves
    /// no prepared statement and no setting behind.
    Transaction,
}

/// The error: a pooler gives sessions to others although it is configured not to.
#[derive(Debug, thiserror::Error)]
#[error(
    "the pooler before the database gives our session to others between two statements, which could run the wrong one. Either set \
     DB_POOLER=transaction here, or let the pooler leave sessions to their clients (PgBouncer: pool_mode = session); and set \
     MIGRATE_DATABASE_URL to the server itself"
)]
pub struct SharedSessions;

impl SharedSessions {
    /// Whether `error` is a [`SharedSessions`].
    #[must_use]
    pub fn is(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::Configuration(cause) if cause.is::<Self>())
    }

    pub(super) fn error() -> sqlx::Error {
        sqlx::Error::Configuration(Box::new(Self))
    }
}

/// The name of a session, unique among all sessions of the server.
pub(super) async fn identity(connection: &mut PgConnection) -> sqlx::Result<String> {
    // As text in a simple query: this needs no prepared statement, and is safe behind any pooler.
    let row = sqlx::raw_sql("SELECT pg_backend_pid()::text || ' ' || pg_postmaster_start_time()::text")
        .fetch_one(connection)
        .await?;
    sqlx::Row::try_get(&row, 0)
}

/// Whether another client shares the session of `connection`, or of a second connection to `server`. Also `false` where that cannot be
/// found out.
pub(super) async fn is_shared(
    connection: &mut PgConnection,
    server: &PgConnectOptions,
) -> sqlx::Result<bool> {
    for _ in 0..ROUNDS {
        let ours = identity(connection).await?;
        let Ok(Ok(mut other)) = timeout(STEP, PgConnection::connect_with(server)).await else {
            return Ok(false);
        };
        let found = timeout(STEP.saturating_mul(3), compare(connection, &ours, &mut other)).await;
        let _left = timeout(STEP, other.close()).await;
        match found {
            Ok(Ok(true)) => return Ok(true),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(false)) | Err(_) => {}
        }
    }
    Ok(false)
}

/// The other connection holds a session for a transaction. If it holds ours, or if ours has changed by then, sessions are shared.
async fn compare(connection: &mut PgConnection, ours: &str, other: &mut PgConnection) -> sqlx::Result<bool> {
    match sqlx::raw_sql("BEGIN").execute(&mut *other).await {
        // Poolers that give sessions away after each statement refuse transactions.
        Err(sqlx::Error::Database(_)) => return Ok(true),
        answer => answer.map(drop)?,
    }
    let theirs = identity(other).await?;
    if theirs == ours {
        sqlx::raw_sql("ROLLBACK").execute(other).await?;
        // If our session had ended in between, the other connection could have got it by right.
        return identity(connection).await.map(|_| true);
    }
    let again = identity(connection).await?;
    sqlx::raw_sql("ROLLBACK").execute(other).await?;
    Ok(again != ours)
}

/// The sessions that are open, by name.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<Arc<str>, usize>>);

/// A registered session; dropping this removes it.
#[derive(Debug)]
pub struct Registration {
    known: Arc<Known>,
    name: Arc<str>,
}

impl Registration {
    /// The session's name, unique among all of the server's.
    pub(super) fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

impl Known {
    /// Registers the session `name`. Answers `false` beside it if another connection of ours has the session too.
    pub fn note(self: &Arc<Self>, name: &str) -> (Registration, bool) {
        let name: Arc<str> = Arc::from(name);
        let count = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = known.entry(Arc::clone(&name)).or_default();
            *count = count.saturating_add(1);
            *count
        };
        let registration = Registration {
            known: Arc::clone(self),
            name,
        };
        (registration, count == 1)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut known = self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get_mut(&self.name) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                known.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_is_unshared_until_another_connection_has_it() {
        let known = Arc::new(Known::default());
        let (first, is_alone) = known.note("1");
        assert!(is_alone);
        let (second, is_alone) = known.note("1");
        assert!(!is_alone);
        drop((first, second));
        assert!(known.note("1").1);
    }

    #[test]
    fn error_is_recognised_and_names_the_setting() {
        let error = SharedSessions::error();
        assert!(SharedSessions::is(&error));
        assert!(error.to_string().contains("DB_POOLER=transaction"), "{error}");
        assert!(!SharedSessions::is(&sqlx::Error::PoolTimedOut));
    }
}
