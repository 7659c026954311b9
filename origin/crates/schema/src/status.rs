//! The applied and the missing migrations of a database. Reads only.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::catalogue::MIGRATIONS;
use super::error::SchemaError;
use super::session::{self, Patience};
use super::{folding, history, indexes};

/// One migration, with the knowledge of the program and of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number.
    pub version: u32,
    /// File name without direction.
    pub name: String,
    /// Whether the two agree.
    pub state: State,
    /// When it was applied.
    pub applied_at: Option<DateTime<Utc>>,
    /// Its duration in milliseconds.
    pub duration_ms: Option<i64>,
}

/// Whether program and database agree on one migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Applied with the compiled text.
    Applied,
    /// Known to the program only.
    Pending,
    /// Applied with another text.
    Changed,
    /// Known to the database only: a newer program migrated it.
    Newer,
}

/// The state of the schema at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// In order of version.
    pub migrations: Vec<Entry>,
    /// Half-built indexes, `schema.name`, except those that a session is building.
    pub invalid_indexes: Vec<String>,
    /// Why the database itself is unfit, with any schema: see [`super::verify`].
    pub unfit: Vec<String>,
}

impl Status {
    /// Whether this program can serve from this database: nothing pending, nothing changed, no half-built index.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.invalid_indexes.is_empty()
            && self
                .migrations
                .iter()
                .all(|entry| matches!(entry.state, State::Applied | State::Newer))
    }

    /// How many migrations are in this state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.migrations
            .iter()
            .filter(|entry| entry.state == state)
            .count()
    }
}

/// Reads the state of the schema. Takes no lock and writes nothing.
///
/// # Errors
/// [`SchemaError::Connect`] or [`SchemaError::Statement`].
pub async fn read(database: &PgConnectOptions) -> Result<Status, SchemaError> {
    session::over(database, Patience::default(), async |connection| {
        read_on(connection).await
    })
    .await
}

/// The same on a session of any kind.
///
/// # Errors
/// [`SchemaError::Statement`].
pub async fn read_on(connection: &mut PgConnection) -> Result<Status, SchemaError> {
    let applied = history::read(connection).await?;
    let invalid_indexes = indexes::abandoned(connection).await?;
    let unfit = folding::faults(connection).await?;
    let mut migrations: Vec<Entry> = MIGRATIONS
        .iter()
        .map(|migration| {
            let record = applied
                .iter()
                .find(|record| u32::try_from(record.version) == Ok(migration.version));
            let state = match record {
                None => State::Pending,
                Some(record) if migration.is_recorded_as(&record.checksum) => State::Applied,
                Some(_) => State::Changed,
            };
            Entry {
                version: migration.version,
                name: migration.name.to_owned(),
                state,
                applied_at: record.map(|record| record.applied_at),
                duration_ms: record.map(|record| record.duration_ms),
            }
        })
        .collect();
    let known = migrations.len();
    migrations.extend(applied.into_iter().filter_map(|record| {
        let version = u32::try_from(record.version).ok()?;
        (version as usize > known).then_some(Entry {
            version,
            name: record.name,
            state: State::Newer,
            applied_at: Some(record.applied_at),
            duration_ms: Some(record.duration_ms),
        })
    }));
    Ok(Status {
        migrations,
        invalid_indexes,
        unfit,
    })
}
