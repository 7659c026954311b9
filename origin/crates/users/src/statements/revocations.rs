//! `auth.standing_changes`: whose right to act has changed.

use shared::api::changes::Changed;
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;

/// Where the feed stands, and whether a cursor can be gone on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// The oldest transaction that is still running: everything of those before it is visible.
    pub cursor: String,
    /// Whether the asked cursor is one of this database, that is, not of its future.
    pub is_known: bool,
    /// Which history of which database this is: its system identifier and its timeline, `123.1`. A standby that takes over begins a new
    /// timeline, and gives out transaction ids again that its primary may have given to changes it has lost.
    pub history: String,
}

/// Where the feed stands. Ask for the changes afterwards, in a later statement: what commits in between is then told twice, and never
/// not at all.
///
/// # Errors
/// What the database says.
pub async fn horizon(connection: &mut PgConnection, since: Option<&str>) -> sqlx::Result<Horizon> {
    let asked = sqlx::query_as(
        "SELECT pg_snapshot_xmin(now)::text, coalesce($1::text::xid8 <= pg_snapshot_xmax(now), false), \
                (pg_control_system()).system_identifier || '.' || \
                ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint \
         FROM pg_current_snapshot() AS now",
    );
    let found = match asked.bind(since).fetch_one(&mut *connection).await {
        Err(sqlx::Error::Database(refusal)) if lacks_history(refusal.as_ref()) => {
            without_history(connection, since).await
        }
        found => found,
    };
    let (cursor, is_known, history) = found?;
    Ok(Horizon {
        cursor,
        is_known,
        history,
    })
}

/// Where the role may not ask for the history, or the server has none: changes that a failover loses are then passed over.
async fn without_history(
    connection: &mut PgConnection,
    since: Option<&str>,
) -> sqlx::Result<(String, bool, String)> {
    sqlx::query_as(
        "SELECT pg_snapshot_xmin(now)::text, coalesce($1::text::xid8 <= pg_snapshot_xmax(now), false), '0.0' \
         FROM pg_current_snapshot() AS now",
    )
    .bind(since)
    .fetch_one(connection)
    .await
}

/// Insufficient privilege, no such function, not supported.
fn lacks_history(refusal: &dyn DatabaseError) -> bool {
    matches!(refusal.code().as_deref(), Some("42501" | "42883" | "0A000"))
}

/// Whose right to act was changed by the transaction `since` or a later one, at most `limit` users.
///
/// # Errors
/// What the database says.
pub async fn changed_since(
    connection: &mut PgConnection,
    since: &str,
    limit: i64,
) -> sqlx::Result<Vec<Changed>> {
    let rows = sqlx::query(
        "SELECT change.user_id, change.firebase_uid, coalesce(person.is_active, false), \
                floor(extract(epoch FROM person.valid_since))::bigint \
         FROM auth.standing_changes AS change LEFT JOIN auth.users AS person ON person.id = change.user_id \
         WHERE change.changed_in >= $1::text::xid8 ORDER BY change.changed_in LIMIT $2",
    )
    .bind(since)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Changed {
                id: row.try_get(0)?,
                firebase_uid: row.try_get(1)?,
                is_active: row.try_get(2)?,
                valid_since: row.try_get(3)?,
            })
        })
        .collect()
}
