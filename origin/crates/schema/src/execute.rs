//! Runs one script in its own mode.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::catalogue::{Migration, Mode, Script};
use super::error::{SchemaError, in_migration};
use super::lock::jittered;
use super::options::{Options, Progress};
use super::{history, indexes};

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

/// The context of a running migration.
pub(super) struct Run<'a> {
    pub connection: &'a mut PgConnection,
    pub options: &'a Options,
    pub progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl Run<'_> {
    /// Runs `migration` in `direction` and corrects the history, in the same transaction where the script has one. Otherwise the history is
    /// written last, and a crash in between makes the script run again: all such scripts are repeatable.
    pub async fn migrate(
        &mut self,
        migration: &'static Migration,
        direction: Direction,
    ) -> Result<Duration, SchemaError> {
        let started = Instant::now();
        let script = match direction {
            Direction::Up => &migration.up,
            Direction::Down => &migration.down,
        };
        match script.mode() {
            Mode::Transaction => {
                self.transaction(migration, script.sql, Some(direction), started)
                    .await?;
            }
            Mode::NoTransaction => self.without_transaction(migration, script).await?,
            Mode::Steps => {
                for step in script.steps() {
                    self.transaction(migration, step, None, started).await?;
                }
            }
            Mode::Batched => self.back_fill(migration, script.sql).await?,
            Mode::Nothing => {}
        }
        if script.mode() != Mode::Transaction {
            self.transaction(migration, "", Some(direction), started).await?;
        }
        self.settle(migration).await?;
        Ok(started.elapsed())
    }

    /// Waits until everything committed so far is on the disk: a commit with a write waits for all before it, and this one holds no lock
    /// that other sessions need.
    pub(super) async fn settle(&mut self, migration: &'static Migration) -> Result<(), SchemaError> {
        sqlx::raw_sql(
            "SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'crossfade', '')",
        )
        .execute(&mut *self.connection)
        .await
        .map_err(in_migration(migration.name))
        .map(drop)
    }

    /// Builds the index of an applied migration again.
    pub async fn rebuild(&mut self, migration: &'static Migration) -> Result<(), SchemaError> {
        self.without_transaction(migration, &migration.up).await
    }

    /// One transaction, repeated while other sessions hold its locks. Sessions behind it in a lock's queue wait as long as it does: it
    /// therefore waits for milliseconds, leaves the queue, and tries again.
    async fn transaction(
        &mut self,
        migration: &'static Migration,
        sql: &'static str,
        recorded: Option<Direction>,
        started: Instant,
    ) -> Result<(), SchemaError> {
        let waiting_since = Instant::now();
        loop {
            let attempt = async {
                let mut transaction = self.connection.begin().await?;
                // Steps set no timeouts of their own; scripts with timeouts override these. The commit does not wait for the disk, which
                // may take tens of milliseconds, since other sessions would wait for the locks meanwhile; `settle` waits.
                sqlx::raw_sql(
                    "SET LOCAL lock_timeout = '25ms'; SET LOCAL statement_timeout = '1h'; SET LOCAL synchronous_commit = off",
                )
                .execute(&mut *transaction)
                .await?;
                if !sql.is_empty() {
                    sqlx::raw_sql(sql).execute(&mut *transaction).await?;
                }
                match recorded {
                    Some(Direction::Up) => {
                        history::record(&mut transaction, migration, milliseconds(started.elapsed())).await?;
                    }
                    Some(Direction::Down) => history::forget(&mut transaction, migration).await?,
                    None => {}
                }
                transaction.commit().await
            };
            match attempt.await {
                Ok(()) => return Ok(()),
                Err(error) if is_lock_conflict(&error) => {
                    self.pause(migration, waiting_since, "a table lock").await?;
                }
                Err(error) => return Err(in_migration(migration.name)(error)),
            }
        }
    }

    /// A concurrent index statement. It blocks no other session while it waits for older transactions, and may wait long. After a failure
    /// its remains are removed before anything else happens.
    async fn without_transaction(
        &mut self,
        migration: &'static Migration,
        script: &Script,
    ) -> Result<(), SchemaError> {
        let failed = in_migration(migration.name);
        let patience = milliseconds(self.options.lock_patience);
        sqlx::raw_sql(AssertSqlSafe(format!(
            "SET lock_timeout = {patience}; SET statement_timeout = '1d'"
        )))
        .execute(&mut *self.connection)
        .await
        .map_err(failed)?;
        let waiting_since = Instant::now();
        loop {
            self.remove_if_invalid(migration, script).await?;
            match sqlx::raw_sql(script.sql).execute(&mut *self.connection).await {
                Ok(_) => break,
                Err(error) => {
                    self.remove_if_invalid(migration, script).await?;
                    if !is_lock_conflict(&error) {
                        return Err(in_migration(migration.name)(error));
                    }
                    self.pause(migration, waiting_since, "a table lock").await?;
                }
            }
        }
        sqlx::raw_sql("RESET lock_timeout; RESET statement_timeout")
            .execute(&mut *self.connection)
            .await
            .map_err(in_migration(migration.name))?;
        match script.index() {
            Some(index)
                if indexes::invalid(self.connection)
                    .await?
                    .iter()
                    .any(|name| name == index) =>
            {
                Err(SchemaError::InvalidIndex(index.to_owned()))
            }
            _ => Ok(()),
        }
    }

    async fn remove_if_invalid(
        &mut self,
        migration: &'static Migration,
        script: &Script,
    ) -> Result<(), SchemaError> {
        let Some(index) = script.index() else {
            return Ok(());
        };
        if indexes::abandoned(self.connection)
            .await?
            .iter()
            .any(|name| name == index)
        {
            (self.progress)(Progress::DroppingInvalidIndex {
                migration: migration.name,
                index: index.to_owned(),
            });
            indexes::drop_concurrently(self.connection, index).await?;
        }
        Ok(())
    }

    async fn pause(
        &mut self,
        migration: &'static Migration,
        since: Instant,
        what: &'static str,
    ) -> Result<(), SchemaError> {
        let waited = since.elapsed();
        if waited >= self.options.lock_patience {
            return Err(SchemaError::Busy { what, waited });
        }
        (self.progress)(Progress::LockBusy {
            migration: migration.name,
            waited,
        });
        tokio::time::sleep(jittered(Duration::from_millis(50))).await;
        Ok(())
    }
}

/// Lock timeout or deadlock: another session held the lock; the statement itself is valid.
pub(super) fn is_lock_conflict(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.code())
        .is_some_and(|code| code == "55P03" || code == "40P01")
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
