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

/// Finds users by their account and creates them. Cheap to clone; clones share statements, and what is known of the database's home.
#[derive(Debug, Clone)]
pub struct Directory {
    pool: Pool,
    lookups: Coalescer<Lookups>,
    recent: Option<Coalescer<RecentLookups>>,
    arrivals: Coalescer<Arrivals>,
    home: Arc<Home>,
}

impl Directory {
    /// The users in the database of `pool`. `home` becomes the home of a database that has none yet: the first configured project, with
    /// the configured tenant; without one it is the first issuer that is asked for.
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

    /// The same, reading `replica` where that is enough.
    #[must_use]
    pub fn reading(mut self, replica: Option<Replica>) -> Self {
        self.recent = replica.map(|replica| Coalescer::new(RecentLookups(replica)));
        self
    }

    /// The user `named`, as a replica knows them; `None` when the primary is to be asked, whatever the reason.
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

    /// `issuer` as rows carry it. Asks the database once in a process.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn stored_issuer(&self, issuer: &Issuer) -> Result<StoredIssuer, DatabaseError> {
        self.home.stored(&self.pool, issuer).await
    }

    /// The user linked to `uid` of `issuer`. Look-ups that wait together share a statement.
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

    /// Creates the row of `arrival`; `None` when there is one already that is theirs or has their address. Arrivals that wait
    /// together share a statement.
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
