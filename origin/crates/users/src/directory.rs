//! The rows of users, as this process finds and creates them.

mod arrivals;
mod home;
mod lookups;
mod recent;

use std::sync::Arc;

use database::{Coalescer, DatabaseError, Pool, Replica};
use firebase::issuer::{Issuer, StoredIssuer};
use shared::ids::FirebaseUid;

use crate::rules::user::UserRecord;
use crate::statements::users::Arrival;
use arrivals::Arrivals;
use home::Home;
use lookups::Lookups;
pub use recent::Named;
use recent::RecentLookups;

/// Finds users by their account and creates them. Cheap to clone; clones share statements and the known home of the database.
#[derive(Debug, Clone)]
pub struct Directory {
    pool: Pool,
    lookups: Coalescer<Lookups>,
    recent: Option<Coalescer<RecentLookups>>,
    arrivals: Coalescer<Arrivals>,
    home: Arc<Home>,
}

impl Directory {
    /// The users in the database of `pool`. `home` becomes the home of a database without one: the first configured project, with the
    /// configured tenant; without a project it is the first issuer in use.
    #[must_use]
    pub fn new(pool: impl Into<Pool>, home: Option<Issuer>) -> Self {
        let pool = pool.into();
        Self {
            lookups: Coalescer::new(Lookups(pool.clone())),
            recent: None,
            arrivals: Coalescer::new(Arrivals(pool.clone())),
            home: Arc::new(Home::new(home)),
            pool,
        }
    }

    /// The same, with reads from `replica` where a replica suffices.
    #[must_use]
    pub fn reading(mut self, replica: Option<Replica>) -> Self {
        self.recent = replica.map(|replica| Coalescer::new(RecentLookups(replica)));
        self
    }

    /// The user `named`, as a replica knows them; `None` when the caller must ask the primary, for any reason.
    pub async fn find_recent(&self, named: Named) -> Option<UserRecord> {
        self.recent.as_ref()?.ask(named).await.ok().flatten()
    }

    /// Whether [`Self::find_recent`] asks a replica.
    #[must_use]
    pub const fn has_replica(&self) -> bool {
        self.recent.is_some()
    }

    /// The database.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// `issuer` in the form of the rows. Asks the database once in a process.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn stored_issuer(&self, issuer: &Issuer) -> Result<StoredIssuer, DatabaseError> {
        self.home.stored(&self.pool, issuer).await
    }

    /// The user linked to `uid` of `issuer`. Waiting look-ups share a statement.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn find_by_firebase_uid(
        &self,
        uid: &FirebaseUid,
        issuer: &StoredIssuer,
    ) -> Result<Option<UserRecord>, DatabaseError> {
        self.lookups.ask((uid.clone(), issuer.clone())).await
    }

    /// Creates the row of `arrival`; `None` when there is a row that is theirs or has their address. Waiting calls share a statement.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn create_at_first_sight(
        &self,
        arrival: Arc<Arrival>,
    ) -> Result<Option<UserRecord>, DatabaseError> {
        self.arrivals.ask(arrival).await
    }
}
