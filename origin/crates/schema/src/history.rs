//! The applied migrations of a database: `auth.schema_migrations`, one row for each.

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use super::catalogue::Migration;
use super::error::{SchemaError, in_migration};

const STEP: &str = "migration history";

/// A migration that the database has recorded.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub version: i32,
    pub name: String,
    pub checksum: String,
    pub applied_at: chrono::DateTime<chrono::Utc>,
    pub duration_ms: i64,
}

impl FromRow<'_, PgRow> for Applied {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            version: row.try_get("version")?,
            name: row.try_get("name")?,
            checksum: row.try_get("checksum")?,
            applied_at: row.try_get("applied_at")?,
            duration_ms: row.try_get("duration_ms")?,
        })
    }
}

/// Creates the table. The caller holds the migration lock: `IF NOT EXISTS` alone fails with two callers at once, and needs the right to
/// create even if the table exists.
pub(super) async fn create(connection: &mut PgConnection) -> Result<(), SchemaError> {
    if exists(connection).await? {
        return Ok(());
    }
    sqlx::raw_sql(
        "DO $$ BEGIN IF to_regnamespace('auth') IS NULL THEN CREATE SCHEMA auth; END IF; END $$;
         CREATE TABLE IF NOT EXISTS auth.schema_migrations (
             version integer PRIMARY KEY,
             name text NOT NULL,
             checksum text NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now(),
             duration_ms bigint NOT NULL,
             applied_by text NOT NULL DEFAULT session_user
         );",
    )
    .execute(connection)
    .await
    .map_err(in_migration(STEP))
    .map(drop)
}

async fn exists(connection: &mut PgConnection) -> Result<bool, SchemaError> {
    sqlx::query_scalar("SELECT to_regclass('auth.schema_migrations') IS NOT NULL")
        .fetch_one(connection)
        .await
        .map_err(in_migration(STEP))
}

/// All records, oldest first; none if there is no history yet. Writes nothing.
pub(super) async fn read(connection: &mut PgConnection) -> Result<Vec<Applied>, SchemaError> {
    if !exists(connection).await? {
        return Ok(Vec::new());
    }
    sqlx::query_as("SELECT version, name, checksum, applied_at, duration_ms FROM auth.schema_migrations ORDER BY version")
        .fetch_all(connection)
        .await
        .map_err(in_migration(STEP))
}

/// Records `migration` as applied, in the caller's transaction.
pub(super) async fn record(
    connection: &mut PgConnection,
    migration: &Migration,
    duration_ms: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO auth.schema_migrations (version, name, checksum, duration_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(i32::try_from(migration.version).unwrap_or(i32::MAX))
    .bind(migration.name)
    .bind(migration.checksum())
    .bind(duration_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// Removes the record of `migration`.
pub(super) async fn forget(connection: &mut PgConnection, migration: &Migration) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM auth.schema_migrations WHERE version = $1")
        .bind(i32::try_from(migration.version).unwrap_or(i32::MAX))
        .execute(connection)
        .await
        .map(drop)
}
