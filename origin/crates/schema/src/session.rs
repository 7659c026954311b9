//! The migrator's own session and its watchdog.
//!
//! A statement of a migration may rightly take hours: no time limit tells a slow one from a dead connection (a firewall dropped it, the
//! host is gone). Therefore the program asks the server over another connection what the session does. It stops waiting when the session is
//! idle or gone, or when the server does not answer.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::timeout;

use super::error::{SchemaError, in_migration};

/// How long a server may take to accept a session. Behind a firewall that drops packets, the system alone would try for minutes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// How long the goodbye to the server may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// With these settings the server notices within a minute that this program's machine is gone, and firewalls see that a silent connection
/// is in use.
pub(super) const KEEPALIVE: [(&str, &str); 4] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "30s"),
];
/// What the server does for the session named `$1`. The server hides all but its number from a role that the session has taken on.
const DOING: &str = "SELECT coalesce(state, ''), coalesce(wait_event, ''), \
            coalesce(extract(epoch FROM clock_timestamp() - state_change), 0)::float8 \
     FROM pg_stat_activity WHERE concat_ws(' ', pid, backend_start) = $1";

/// How long a wait without progress may take.
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

/// Does `work` on a session of its own, and closes the session.
///
/// # Errors
/// The error of `work`; [`SchemaError::Connect`]; [`SchemaError::Lost`] when the session ended or does not answer.
pub(super) async fn over<T>(
    database: &PgConnectOptions,
    patience: Patience,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, SchemaError>,
) -> Result<T, SchemaError> {
    let mut connection = connect(database, "crossfade-migrate").await?;
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

/// A session with the settings of migrations: a pool's timeouts do not suit them, and the lock lives as long as the session.
pub(super) async fn connect(
    database: &PgConnectOptions,
    application: &str,
) -> Result<PgConnection, SchemaError> {
    let options = database.clone().application_name(application).options([
        // A parallel build would take every core from the other sessions.
        ("max_parallel_maintenance_workers", "0"),
        ("max_parallel_workers_per_gather", "0"),
        // The server writes this session's pages to the disk in small parts, not all at once at a checkpoint, when the commits of all
        // sessions would wait.
        ("backend_flush_after", "256kB"),
        ("client_min_messages", "warning"),
        // Statements that may take longer set their own limit.
        ("statement_timeout", "1h"),
        // Scripts write every name with its schema; a search path cannot make it mean another object.
        ("search_path", ""),
    ]);
    // If this program's machine is lost, the server releases the lock.
    let options = options.options(KEEPALIVE);
    match timeout(CONNECT_PATIENCE, options.connect()).await {
        Ok(answer) => answer.map_err(SchemaError::Connect),
        Err(_) => {
            let text = format!("no connection within {} s", CONNECT_PATIENCE.as_secs());
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, text);
            Err(SchemaError::Connect(sqlx::Error::Io(late)))
        }
    }
}

/// Ends the session and with it the lock. The work is done: a failed goodbye is ignored.
pub(super) async fn close(connection: PgConnection) {
    match timeout(GOODBYE, connection.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "closing the migration session"),
        Err(_) => tracing::debug!("closing the migration session took too long"),
    }
}

/// A name that no other session has, of this or another server.
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
    // One idle answer may be chance: after a pause of this program, both sides wake up together.
    let mut was_idle = false;
    watch(
        database,
        patience.silence,
        async |other| {
            sqlx::query_as::<_, (String, String, f64)>(DOING)
                .bind(name)
                .fetch_optional(other)
                .await
        },
        |found| {
            let Some((state, wait, since)) = found else {
                return Some("the server does not know it any more");
            };
            let is_idle = state.starts_with("idle") && since > patience.silence.as_secs_f64();
            if is_idle && was_idle {
                return Some("the server has nothing to do for it, and no answer came");
            }
            was_idle = is_idle;
            (wait == "SyncRep" && since > patience.standby.as_secs_f64())
                .then_some("a commit waits for a synchronous standby that does not answer")
        },
    )
    .await
}

/// Asks the server repeatedly over a connection of its own, six times in `silence`. Returns once `judge` concludes from an answer that the
/// work is lost, or when the server has not answered for twice `silence`.
pub(super) async fn watch<T>(
    database: &PgConnectOptions,
    silence: Duration,
    ask: impl AsyncFn(&mut PgConnection) -> sqlx::Result<T>,
    mut judge: impl FnMut(T) -> Option<&'static str>,
) -> &'static str {
    let pause = silence / 6;
    let mut other = None;
    let mut asked = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        // The connection is kept for the next question.
        let answer = async {
            let connection = match &mut other {
                Some(connection) => connection,
                None => {
                    let options = database.clone().application_name("crossfade-migrate-watch");
                    other.insert(options.connect().await?)
                }
            };
            ask(connection).await
        };
        match timeout(pause.max(Duration::from_secs(1)), answer).await {
            Ok(Ok(found)) => {
                asked = Instant::now();
                if let Some(why) = judge(found) {
                    return why;
                }
            }
            Ok(Err(_)) | Err(_) => {
                other = None;
                if asked.elapsed() > silence.saturating_mul(2) {
                    return "the server cannot be reached";
                }
            }
        }
    }
}
