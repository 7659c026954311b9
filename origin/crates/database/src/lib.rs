//! The way to PostgreSQL: which servers, a pool of sessions with them, statements that run on a session, what a failure means, and
//! questions that share a statement. Knows two tables only: `auth.work_leases`, which says what process does what in the background, and
//! `auth.replica_beats`, which says how far a replica has come.

mod coalesce;
mod config;
mod ending;
mod error;
pub mod leases;
mod pool;
mod pooler;
pub mod replica;
mod run;
mod servers;

pub use coalesce::{Batch, Coalescer, Waiting};
pub use config::DatabaseConfig;
pub use ending::Ending;
pub use error::DatabaseError;
pub use pool::{Borrowed, Limits, Pool};
pub use pooler::{Pooler, SharedSessions};
pub use replica::Replica;
pub use run::{open, open_replica, read, run};
pub use servers::{Opening, Servers, Settings};
