//! The database schema: migrations up and down, its state, and backups.
//!
//! The migrations are files in `migrations/`, compiled into the program that needs the schema. They run beside a live service: a statement
//! that takes a lock gives up after some milliseconds and is retried, indexes are built concurrently, and rows are filled in batches that
//! block no session. `docs/DATA_MODEL.md` describes the result.

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

/// Brings the database of `pool` to the newest schema, on a connection of its own. Answers the applied versions; none if the schema was
/// current.
///
/// Several replicas may call it at once: one works, the others wait and then find nothing to do.
///
/// # Errors
/// See [`SchemaError`]; only finished migrations are reported as done.
pub async fn migrate(pool: &PgPool) -> Result<Vec<u32>, SchemaError> {
    runner::up(&pool.connect_options(), &Options::default(), &mut |_| {}).await
}

/// The fingerprint of this exact set of migrations, equal on all machines: 16 hexadecimal digits. Tests name their template database by it:
/// a changed migration makes a new template.
#[must_use]
pub fn fingerprint() -> String {
    catalogue::fingerprint()
}

/// The version of a current database.
#[must_use]
pub fn newest_version() -> u32 {
    catalogue::MIGRATIONS
        .last()
        .map_or(0, |migration| migration.version)
}
