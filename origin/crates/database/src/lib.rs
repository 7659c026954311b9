//! The way to PostgreSQL: which servers, a pool of sessions with them, statements that run on a session, what a failure means, and
//! questions that share a statement. Knows no table
//! but `auth.work_leases`, which says what replica does what in the background.

mod coalesce;
mod config;
mod ending;
mod error;
pub mod leases;
mod pool;
mod pooler;
mod run;
mod servers;

pub use coalesce::{Batch, Coalescer, Waiting};
pub use config::DatabaseConfig;
pub use ending::Ending;
pub use error::DatabaseError;
pub use pool::{Borrowed, Limits, Pool};
pub use pooler::{Pooler, SharedSessions};
pub use run::{open, read, run};
pub use servers::{Opening, Servers, Settings};
