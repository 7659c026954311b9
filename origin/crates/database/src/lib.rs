//! The way to PostgreSQL: the servers, a pool of sessions, statements on a session, the meaning of a failure, and the coalescer. It knows
//! two tables only: `auth.work_leases` says which process does which background work, and `auth.replica_beats` says how far a replica has
//! come.

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
pub use pool::{A_COMMIT_WAITS_FOR_A_STANDBY, Borrowed, Limits, Pool, Writes};
pub use pooler::{Pooler, SharedSessions};
pub use replica::Replica;
pub use run::{open, open_replica, read, run};
pub use servers::{Opening, Role, Servers, Settings};
