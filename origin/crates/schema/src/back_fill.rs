//! Fills a table batch by batch, beside live traffic.

use std::time::Instant;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::catalogue::Migration;
use super::error::{SchemaError, in_migration};
use super::execute::{Run, is_lock_conflict};
use super::options::Progress;
use super::pace::Pace;

impl Run<'_> {
    /// Calls `sql` batch by batch, each in a transaction of its own. After each batch it waits until the batch is on the disk, and rests as
    /// [`Pace`] computes. It may be interrupted and started again at any moment.
    pub(super) async fn back_fill(
        &mut self,
        migration: &'static Migration,
        sql: &'static str,
    ) -> Result<(), SchemaError> {
        // These tables grow from empty while their statistics still say empty; a plan from those statistics would read the whole table for
        // every batch. No batch keeps its locks while it waits for the disk.
        self.set(
            migration,
            "SET lock_timeout = '5s'; SET statement_timeout = '5min'; SET enable_seqscan = off; SET synchronous_commit = off",
        )
        .await?;
        if let Some(table) = migration.filled() {
            self.keep_autovacuum_out(migration, table).await?;
        }
        self.batches(migration, sql).await?;
        self.set(
            migration,
            "RESET enable_seqscan; RESET synchronous_commit; RESET lock_timeout; RESET statement_timeout",
        )
        .await?;
        match migration.filled() {
            Some(table) => self.vacuum(migration, table).await,
            None => Ok(()),
        }
    }

    async fn batches(&mut self, migration: &'static Migration, sql: &'static str) -> Result<(), SchemaError> {
        let mut cursor = Uuid::nil();
        let mut batches: u64 = 0;
        let mut pace = Pace::new(self.options.batch_size);
        loop {
            let started = Instant::now();
            let last = sqlx::query_scalar::<_, Uuid>(sql)
                .bind(cursor)
                .bind(pace.rows())
                .fetch_optional(&mut *self.connection)
                .await
                .map_err(in_migration(migration.name))?;
            let Some(last) = last else { return Ok(()) };
            cursor = last;
            batches = batches.saturating_add(1);
            (self.progress)(Progress::Batch {
                migration: migration.name,
                batches,
            });
            let worked = started.elapsed();
            self.settle(migration).await?;
            let flushed = started.elapsed().saturating_sub(worked);
            tokio::time::sleep(pace.after(worked, flushed)).await;
        }
    }

    /// Autovacuum visits a table that grows by millions of rows again and again. It rewrites tens of megabytes each time, and the commits
    /// of all other sessions wait for the disk meanwhile. [`Self::vacuum`] does the work once. The migration does not depend on this:
    /// without the lock it goes on.
    async fn keep_autovacuum_out(
        &mut self,
        migration: &'static Migration,
        table: &str,
    ) -> Result<(), SchemaError> {
        let sql = format!("ALTER TABLE {table} SET (autovacuum_enabled = off)");
        match sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut *self.connection)
            .await
        {
            Err(error) if !is_lock_conflict(&error) => Err(in_migration(migration.name)(error)),
            _ => Ok(()),
        }
    }

    /// Vacuums slowly what autovacuum did not, and writes in small parts like all of this session; then autovacuum may come again.
    async fn vacuum(&mut self, migration: &'static Migration, table: &str) -> Result<(), SchemaError> {
        self.set(
            migration,
            "SET lock_timeout = '1min'; SET statement_timeout = '1d'; SET vacuum_cost_delay = 10",
        )
        .await?;
        for sql in [
            format!("VACUUM (ANALYZE, TRUNCATE off) {table}"),
            format!("ALTER TABLE {table} RESET (autovacuum_enabled)"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut *self.connection)
                .await
                .map_err(in_migration(migration.name))?;
        }
        self.set(
            migration,
            "RESET vacuum_cost_delay; RESET lock_timeout; RESET statement_timeout",
        )
        .await
    }

    async fn set(&mut self, migration: &'static Migration, sql: &'static str) -> Result<(), SchemaError> {
        sqlx::raw_sql(sql)
            .execute(&mut *self.connection)
            .await
            .map_err(in_migration(migration.name))
            .map(drop)
    }
}
