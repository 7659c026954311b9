//! The pool: sqlx's, with the connections that are always in use kept out of its way.
//!
//! sqlx asks every connection that comes back whether it still answers, one more round trip for each statement, and has no option
//! against it. A connection whose statement has just ended well need not be asked: it is kept here for the next one. All others
//! (a failed statement, a caller who hung up half-way, a transaction) go back to sqlx, which asks and cleans up.

mod arrivals;
mod kept;
mod lanes;
mod lookups;

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use shared::ids::FirebaseUid;
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::DatabaseError;
use crate::domain::user::UserRecord;
use crate::postgres::users::Arrival;
use arrivals::Arrivals;
pub use kept::{Kept, Lent};
use lookups::Lookups;

/// Connections to the database. Cheap to clone; clones share them.
///
/// Used as a [`PgPool`] it is sqlx's own, which is what transactions need. Statements go through [`super::run`] or [`Pool::once`].
#[derive(Clone)]
pub struct Pool(Arc<Parts>);

struct Parts {
    plain: PgPool,
    kept: Kept,
    lookups: Lookups,
    arrivals: Arrivals,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.0.plain).finish()
    }
}

/// One that keeps nothing: others may use the same connections, and would wait for those kept here.
impl From<PgPool> for Pool {
    fn from(plain: PgPool) -> Self {
        Self::new(plain, false)
    }
}

impl Deref for Pool {
    type Target = PgPool;

    fn deref(&self) -> &PgPool {
        &self.0.plain
    }
}

impl Pool {
    /// One that keeps connections of `plain`, which nobody else may use.
    pub(super) fn keeping(plain: PgPool) -> Self {
        Self::new(plain, true)
    }

    fn new(plain: PgPool, keeps: bool) -> Self {
        Self(Arc::new(Parts {
            kept: Kept::new(plain.clone(), keeps),
            lookups: Lookups::default(),
            arrivals: Arrivals::default(),
            plain,
        }))
    }

    /// Runs `statement` once, on a connection that is kept for the next one if it ends well.
    ///
    /// # Errors
    /// Outside: no connection could be had, and nothing was sent. Inside: what `statement` answers.
    pub async fn once<T, F, Fut>(&self, statement: F) -> Result<sqlx::Result<T>, sqlx::Error>
    where
        F: FnOnce(Lent) -> Fut,
        Fut: Future<Output = sqlx::Result<T>>,
    {
        once(self, statement).await
    }

    /// The person linked to `uid`. Look-ups that wait together share a statement.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn find_by_firebase_uid(&self, uid: &FirebaseUid) -> Result<Option<UserRecord>, DatabaseError> {
        self.0.lookups.find(self, uid).await
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
        self.0.arrivals.create(self, arrival).await
    }

    /// How many connections are open and not in use.
    #[must_use]
    pub fn num_idle(&self) -> usize {
        self.0.plain.num_idle().saturating_add(self.0.kept.idle())
    }

    /// Closes every connection, those in use as soon as they are not.
    pub async fn close(&self) {
        let closing = self.0.plain.close();
        // From now on none is kept any more.
        self.0.kept.release();
        closing.await;
    }
}

/// Runs `statement` once, on a connection of whatever pool.
///
/// # Errors
/// As [`Pool::once`].
pub(super) async fn once<P, T, F, Fut>(pool: &P, statement: F) -> Result<sqlx::Result<T>, sqlx::Error>
where
    P: Connections,
    F: FnOnce(Lent) -> Fut,
    Fut: Future<Output = sqlx::Result<T>>,
{
    match pool.kept() {
        Some(kept) => kept.once(statement).await,
        None => {
            let connection = Mutex::new(pool.plain().acquire().await?);
            Ok(statement(Lent::new(Arc::new(connection)).await).await)
        }
    }
}

/// Where [`super::run`] gets connections from: our pool, or sqlx's alone.
pub trait Connections: Sync {
    /// sqlx's pool.
    fn plain(&self) -> &PgPool;

    /// The connections kept beside it, if any are.
    #[doc(hidden)]
    fn kept(&self) -> Option<&Kept>;
}

impl Connections for Pool {
    fn plain(&self) -> &PgPool {
        &self.0.plain
    }

    fn kept(&self) -> Option<&Kept> {
        Some(&self.0.kept)
    }
}

impl Connections for PgPool {
    fn plain(&self) -> &PgPool {
        self
    }

    fn kept(&self) -> Option<&Kept> {
        None
    }
}
