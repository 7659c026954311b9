//! The database schema: bringing it up, taking it down, saying what it is like, keeping a copy.
//!
//! The migrations are files in `migrations/` and are compiled in, so that the program that needs a schema carries it. They run
//! beside a live service: every statement that takes a lock others wait for gives up after some milliseconds and is tried
//! again, indexes are built concurrently, and rows are filled in batches that lock nothing. `docs/DATA_MODEL.md` describes
//! the result.

mod back_fill;
mod catalogue;
mod checks;
mod error;
mod execute;
mod folding;
mod history;
mod indexes;
mod lock;
mod options;
mod pace;
mod runner;
mod session;

pub mod backup;
pub mod status;
pub mod verify;

use sqlx::PgPool;

pub use error::{Finding, SchemaError};
pub use options::{Options, Progress};
pub use runner::{down, up};

/// Brings the database of `pool` to the newest schema, on a connection of its own. Answers the versions applied, none if the
/// schema was current.
///
/// Safe to call from several replicas at once: one works, the others wait and find nothing left to do.
///
/// # Errors
/// See [`SchemaError`]; nothing is reported as done that was not.
pub async fn migrate(pool: &PgPool) -> Result<Vec<u32>, SchemaError> {
    runner::up(&pool.connect_options(), &Options::default(), &mut |_| {}).await
}

/// A name for this exact set of migrations, stable across runs and machines: 16 hexadecimal digits. Tests name their template
/// database by it, so that a changed migration makes a new template.
#[must_use]
pub fn fingerprint() -> String {
    catalogue::fingerprint()
}

/// The version a current database has.
#[must_use]
pub fn newest_version() -> u32 {
    catalogue::MIGRATIONS
        .last()
        .map_or(0, |migration| migration.version)
}
