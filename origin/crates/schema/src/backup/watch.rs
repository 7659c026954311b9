//! The watchdog of a backup.
//!
//! A dump may rightly take hours, and `pg_dump` waits for its server without a limit: on a dead connection, for ever. Therefore the program
//! asks the server over another connection what all sessions of the backup do. If the server waits for the peer of every session, and
//! neither a statement nor a row makes progress, the connections are dead.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use crate::session;

/// The first version with a server that counts the bytes of a copy.
const COUNTS_COPIES: u32 = 14;

/// Returns once the backup with the sessions named `application` is lost, with the reason.
pub(super) async fn lost(database: &PgConnectOptions, application: &str, silence: Duration) -> &'static str {
    let mut still = None;
    session::watch(
        database,
        silence,
        async |other| doing(other, application).await,
        |(waits, doing)| {
            let (since, before) = still.take().unwrap_or_else(|| (Instant::now(), String::new()));
            let since = if waits && doing == before {
                since
            } else {
                Instant::now()
            };
            still = Some((since, doing));
            (since.elapsed() > silence).then_some("the server waits for this program, and no answer came")
        },
    )
    .await
}

/// Whether the server waits for the peer of every session, and the progress of each.
async fn doing(other: &mut PgConnection, application: &str) -> sqlx::Result<(bool, String)> {
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer / 10000")
        .fetch_one(&mut *other)
        .await?;
    let sql = if u32::try_from(version).is_ok_and(|version| version >= COUNTS_COPIES) {
        "SELECT coalesce(bool_and(wait_event_type IS NOT DISTINCT FROM 'Client'), true), \
                coalesce(string_agg(concat_ws(' ', pid, backend_start, state_change, bytes_processed), ', ' ORDER BY pid), '') \
         FROM pg_stat_activity LEFT JOIN pg_stat_progress_copy USING (pid) WHERE application_name = $1"
    } else {
        "SELECT coalesce(bool_and(state LIKE 'idle%'), true), \
                coalesce(string_agg(concat_ws(' ', pid, backend_start, state_change), ', ' ORDER BY pid), '') \
         FROM pg_stat_activity WHERE application_name = $1"
    };
    sqlx::query_as(sql).bind(application).fetch_one(other).await
}
