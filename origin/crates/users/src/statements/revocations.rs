//! `auth.standing_changes`: users with a changed account status.

use shared::api::changes::Changed;
use sqlx::Row as _;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgConnection;

/// The feed's position, and whether it can continue from a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// The oldest transaction that still runs: all changes of earlier ones are visible.
    pub cursor: String,
    /// Whether the given cursor belongs to this database and is not from its future.
    pub is_known: bool,
    /// The history of this database: its system identifier and its timeline, `123.1`. A standby that takes over begins a new timeline, and
    /// may give out transaction ids again that its primary gave to changes that are lost.
    pub history: String,
}

/// The feed's position. Read the changes afterwards, in a later statement: a change that commits in between is then reported twice, and
/// never missed.
///
/// # Errors
/// The database's error.
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

/// The role may not read the history, or the server has none: changes that a failover loses are then skipped.
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

/// At most `limit` users with an account status that the transaction `since` or a later one changed.
///
/// # Errors
/// The database's error.
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
