//! Filling a table row by row, beside live traffic.

use std::time::Instant;

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::catalogue::Migration;
use super::error::{SchemaError, in_migration};
use super::execute::{Run, is_lock_conflict};
use super::options::Progress;
use super::pace::Pace;

impl Run<'_> {
    /// Calls `sql` batch by batch, each a transaction of its own. After each it waits until the batch is on the disk, and rests as
    /// [`Pace`] says. May be broken off and begun again at any moment.
    pub(super) async fn back_fill(
        &mut self,
        migration: &'static Migration,
        sql: &'static str,
    ) -> Result<(), SchemaError> {
        // The tables filled here grow from empty while statistics say they are empty still; a plan made on those would read
        // all of them for every batch. No batch holds its locks until it is on the disk.
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

    /// A table that grows by millions of rows is vacuumed again and again meanwhile: tens of megabytes at a time are written once more,
    /// and everybody's commit waits while the disk takes them. [`Self::vacuum`] does it once. Not needed for the migration to be right:
    /// who cannot have the lock goes on without.
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

    /// What autovacuum was kept from, slowly, and bit by bit to the disk like all this session writes; then it may come again.
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
