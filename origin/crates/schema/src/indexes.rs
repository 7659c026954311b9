//! Indexes that an interrupted `CREATE INDEX CONCURRENTLY` left behind: every write maintains them, no query uses them, and a unique one
//! gives no reliable guarantee.

use sqlx::{AssertSqlSafe, PgConnection};

use super::error::{SchemaError, in_migration};

const STEP: &str = "invalid indexes";

/// Invalid indexes in schema `auth`, and invalid indexes of ours elsewhere, as `schema.name` without quotes.
///
/// The runner builds its own under the migration lock; an operator may still build one, or rebuild all of them, at the same time.
pub(super) async fn invalid(connection: &mut PgConnection) -> Result<Vec<String>, SchemaError> {
    sqlx::query_scalar(
        "SELECT schema.nspname || '.' || class.relname
         FROM pg_index AS index
         JOIN pg_class AS class ON class.oid = index.indexrelid
         JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
         WHERE NOT index.indisvalid
           AND (schema.nspname = 'auth'
                OR class.oid IN (to_regclass('public.idx_schools_name_grams'), to_regclass('public.idx_schools_name_id')))
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))
}

/// The indexes of [`invalid`] that no session is building: the remains of an interrupted build. While `REINDEX CONCURRENTLY` and `CREATE
/// INDEX CONCURRENTLY` run, the server names their table; for sessions of other roles it may only say that they build something here, which
/// then counts for every table. A reindex also keeps its indexes locked from beginning to end.
pub(super) async fn abandoned(connection: &mut PgConnection) -> Result<Vec<String>, SchemaError> {
    sqlx::query_scalar(
        "SELECT schema.nspname || '.' || class.relname
         FROM pg_index AS index
         JOIN pg_class AS class ON class.oid = index.indexrelid
         JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
         WHERE NOT index.indisvalid AND schema.nspname = 'auth'
           AND NOT EXISTS (
               SELECT FROM pg_stat_progress_create_index AS build
               WHERE build.datname = current_database() AND build.pid <> pg_backend_pid()
                 AND coalesce(build.relid = index.indrelid, true)
           )
           AND NOT EXISTS (
               SELECT FROM pg_locks AS held
               WHERE held.locktype = 'relation' AND held.granted AND held.mode = 'ShareUpdateExclusiveLock'
                 AND held.relation = index.indexrelid AND held.pid <> pg_backend_pid()
                 AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           )
         ORDER BY 1",
    )
    .fetch_all(connection)
    .await
    .map_err(in_migration(STEP))
}

/// Drops an index without blocking other sessions. `name` comes from the catalogue or from [`invalid`].
pub(super) async fn drop_concurrently(connection: &mut PgConnection, name: &str) -> Result<(), SchemaError> {
    let quoted: Vec<String> = name
        .split('.')
        .map(|part| format!("\"{}\"", part.replace('"', "\"\"")))
        .collect();
    sqlx::raw_sql(AssertSqlSafe(format!(
        "DROP INDEX CONCURRENTLY IF EXISTS {}",
        quoted.join(".")
    )))
    .execute(connection)
    .await
    .map_err(in_migration(STEP))
    .map(drop)
}

/// Whether `name` is left over from an interrupted `REINDEX CONCURRENTLY`.
pub(super) fn is_reindex_remains(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.ends_with("_ccnew") || stem.ends_with("_ccold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reindex_remains_are_known_by_their_suffix() {
        for remains in [
            "auth.users_email_key_ccnew",
            "auth.users_email_key_ccnew12",
            "auth.users_email_key_ccold",
        ] {
            assert!(is_reindex_remains(remains), "{remains}");
        }
        for other in ["auth.users_email_key", "auth.ccnew_index", "auth.idx_2"] {
            assert!(!is_reindex_remains(other), "{other}");
        }
    }
}
