//! The migrator's own session, and who watches over it.
//!
//! A statement of a migration may rightly take hours, so no limit tells a slow one from a connection that is silently dead: an address that
//! a firewall has forgotten, a host that is gone. The server can tell. While work goes on, it is asked over another connection what the
//! session is doing; the wait ends when it is doing nothing, is not there any more, or nobody can be asked.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::error::{SchemaError, in_migration};

/// How long a server may take to let us in. Behind a firewall that answers nothing, the system alone would try for minutes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// What the server is doing for the session that is named `$1`. It hides all but the number from a role that the session has taken on.
const DOING: &str = "SELECT coalesce(state, ''), coalesce(wait_event, ''), \
            coalesce(extract(epoch FROM clock_timestamp() - state_change), 0)::float8 \
     FROM pg_stat_activity WHERE concat_ws(' ', pid, backend_start) = $1";

/// How long waits may take in which nothing happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// The session is idle at the server, or the server cannot be asked. The longest rest of a migration is two seconds.
    pub silence: Duration,
    /// A commit waits for a synchronous standby, which may be lost.
    pub standby: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(30),
            standby: Duration::from_secs(600),
        }
    }
}

/// Does `work` on a session of its own, and closes that.
///
/// # Errors
/// What `work` answers; [`SchemaError::Connect`]; [`SchemaError::Lost`] when the session turned out to be over, or not to answer.
pub(super) async fn over<T>(
    database: &PgConnectOptions,
    patience: Patience,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, SchemaError>,
) -> Result<T, SchemaError> {
    let mut connection = connect(database).await?;
    let name = timeout(patience.silence, name(&mut connection))
        .await
        .map_err(|_| SchemaError::Lost("it answered nothing"))??;
    let answer = tokio::select! {
        biased;
        answer = work(&mut connection) => answer,
        why = lost(database, patience, &name) => return Err(SchemaError::Lost(why)),
    };
    close(connection).await;
    answer
}

/// A session with the settings of migrations: pools set timeouts that do not suit them, and the lock lives as long as the session.
pub(super) async fn connect(database: &PgConnectOptions) -> Result<PgConnection, SchemaError> {
    let options = database.clone().application_name("crossfade-migrate").options([
        // A build that takes every core is felt by everyone else.
        ("max_parallel_maintenance_workers", "0"),
        ("max_parallel_workers_per_gather", "0"),
        // What this session pushes out of the server's memory goes to the disk bit by bit, not all at once when a checkpoint asks for it
        // and everybody's commit waits meanwhile.
        ("backend_flush_after", "256kB"),
        ("client_min_messages", "warning"),
        // What may take longer says so.
        ("statement_timeout", "1h"),
        // The server notices within a minute that this program's machine is gone, and gives back the lock.
        ("tcp_keepalives_idle", "30"),
        ("tcp_keepalives_interval", "10"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "30s"),
        // Every name is written with its schema; nobody's own search path may find another object for it.
        ("search_path", ""),
    ]);
    match timeout(CONNECT_PATIENCE, options.connect()).await {
        Ok(answer) => answer.map_err(SchemaError::Connect),
        Err(_) => {
            let text = format!("no connection within {} s", CONNECT_PATIENCE.as_secs());
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
            Err(SchemaError::Connect(sqlx::Error::Io(late)))
        }
    }
}

/// Ends the session and with it the lock; the work is done, so a failure to say goodbye is no failure.
pub(super) async fn close(connection: PgConnection) {
    match timeout(GOODBYE, connection.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "closing the migration session"),
        Err(_) => tracing::debug!("closing the migration session took too long"),
    }
}

/// A name that no other session of this server bears, nor one of another server.
async fn name(connection: &mut PgConnection) -> Result<String, SchemaError> {
    sqlx::query_scalar(
        "SELECT concat_ws(' ', pid, backend_start) FROM pg_stat_activity WHERE pid = pg_backend_pid()",
    )
    .fetch_one(connection)
    .await
    .map_err(in_migration("session"))
}

/// Returns once the session `name` is lost, with the reason.
async fn lost(database: &PgConnectOptions, patience: Patience, name: &str) -> &'static str {
    let pause = patience.silence / 6;
    let mut other = None;
    let mut asked = Instant::now();
    // Once may be chance: this program was stopped for a while, and both wake up together.
    let mut was_idle = false;
    loop {
        tokio::time::sleep(pause).await;
        let limit = pause.max(Duration::from_secs(1));
        match timeout(limit, doing(&mut other, database, name)).await {
            Ok(Ok(found)) => {
                asked = Instant::now();
                let Some((state, wait, since)) = found else {
                    return "the server does not know it any more";
                };
                let is_idle = state.starts_with("idle") && since > patience.silence.as_secs_f64();
                if is_idle && was_idle {
                    return "the server has nothing to do for it, and no answer came";
                }
                was_idle = is_idle;
                if wait == "SyncRep" && since > patience.standby.as_secs_f64() {
                    return "a commit waits for a synchronous standby that does not answer";
                }
            }
            Ok(Err(_)) | Err(_) => {
                other = None;
                if asked.elapsed() > patience.silence.saturating_mul(2) {
                    return "the server cannot be reached";
                }
            }
        }
    }
}

/// What the server is doing for the session `name`, what for, and for how many seconds. The connection is kept for the next time.
async fn doing(
    other: &mut Option<PgConnection>,
    database: &PgConnectOptions,
    name: &str,
) -> sqlx::Result<Option<(String, String, f64)>> {
    let connection = match other {
        Some(connection) => connection,
        None => {
            let options = database.clone().application_name("crossfade-migrate-watch");
            other.insert(options.connect().await?)
        }
    };
    sqlx::query_as(DOING).bind(name).fetch_optional(connection).await
}
