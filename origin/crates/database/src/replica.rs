//! `auth.replica_beats`: bounds how old an answer of a replica can be.
//!
//! Every second this process writes the time into its own row at the primary, by a clock that only this process reads. Each statement on
//! the replica also reads that row, in the same snapshot: the snapshot contains everything that was committed before the beat was sent. The
//! beat's age bounds the age of the rest, and no two clocks are compared. A replica that has stopped, lags, or has a history of its own
//! shows an old beat; the process then asks the primary.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shared::token::REPLICA_SECONDS;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::pool::{Borrowed, Pool};
use crate::run::{read, run};

/// How often the process sends a beat.
const EVERY: Duration = Duration::from_secs(1);
/// The greatest age of a replica's snapshot, in microseconds.
const OLDEST: i64 = REPLICA_SECONDS * 1_000_000;

/// The columns that show how old the snapshot of a statement on the replica can be; `$1` is [`Replica::origin`].
#[macro_export]
macro_rules! replica_seen {
    () => {
        "(SELECT sent FROM auth.replica_beats WHERE origin = $1) AS replica_sent, pg_is_in_recovery() AS replica_follows"
    };
}

/// The age of a statement's snapshot on the replica, as the statement read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The beat in the snapshot, in microseconds since this process began.
    sent: Option<i64>,
    /// Whether the server is a standby of another one.
    follows: bool,
}

impl Seen {
    /// Reads the columns [`replica_seen`](crate::replica_seen).
    ///
    /// # Errors
    /// `row` does not have them.
    pub fn of(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            sent: row.try_get("replica_sent")?,
            follows: row.try_get("replica_follows")?,
        })
    }
}

/// Why the replica is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// It takes writes: it was promoted, or never was a replica.
    Promoted,
    /// No beat of this process has arrived there.
    Unheard,
    /// Its snapshot may be older than allowed.
    Late,
    /// It gave no answer in time.
    Away,
}

impl Doubt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Promoted => "it takes writes itself",
            Self::Unheard => "nothing of the primary has arrived there yet",
            Self::Late => "it is behind the primary",
            Self::Away => "it gives no answer",
        }
    }
}

/// Whether an answer that arrived `now`, in microseconds since this process began, counts.
const fn judge(seen: Seen, now: i64) -> Result<(), Doubt> {
    match seen {
        Seen { follows: false, .. } => Err(Doubt::Promoted),
        Seen { sent: None, .. } => Err(Doubt::Unheard),
        // A beat from the future is not one of this process.
        Seen { sent: Some(sent), .. } => match now.checked_sub(sent) {
            Some(0..=OLDEST) => Ok(()),
            _ => Err(Doubt::Late),
        },
    }
}

/// A replica of the database, for reads that may be [`REPLICA_SECONDS`] old; never for movements of tokens. Cheap to clone.
#[derive(Clone)]
pub struct Replica(Arc<Parts>);

struct Parts {
    primary: Pool,
    replica: Pool,
    origin: Uuid,
    began: Instant,
    is_believed: AtomicBool,
    from_replica: AtomicU64,
    from_primary: AtomicU64,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("counts", &self.counts()).finish()
    }
}

impl Replica {
    /// The replica behind `replica`, of the database behind `primary`. It is trusted once [`Self::keep_beating`] has read a beat there.
    #[must_use]
    pub fn new(primary: Pool, replica: Pool) -> Self {
        Self(Arc::new(Parts {
            primary,
            replica,
            origin: Uuid::new_v4(),
            began: Instant::now(),
            is_believed: AtomicBool::new(false),
            from_replica: AtomicU64::new(0),
            from_primary: AtomicU64::new(0),
        }))
    }

    /// The name of this process in `auth.replica_beats`.
    #[must_use]
    pub fn origin(&self) -> Uuid {
        self.0.origin
    }

    /// What `statement` reads from the replica; `None` when the caller must ask the primary. The statement selects
    /// [`replica_seen`](crate::replica_seen) with the rest.
    pub async fn read<T, F, Fut>(&self, statement: F) -> Option<T>
    where
        T: Send,
        F: FnMut(Borrowed) -> Fut + Send,
        Fut: Future<Output = sqlx::Result<(Seen, T)>> + Send,
    {
        let found = if self.0.is_believed.load(Ordering::Relaxed) {
            self.ask(statement).await
        } else {
            None
        };
        let count = match found {
            Some(_) => &self.0.from_replica,
            None => &self.0.from_primary,
        };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    async fn ask<T, F, Fut>(&self, statement: F) -> Option<T>
    where
        T: Send,
        F: FnMut(Borrowed) -> Fut + Send,
        Fut: Future<Output = sqlx::Result<(Seen, T)>> + Send,
    {
        let doubt = match read(&self.0.replica, statement).await {
            Ok((seen, found)) => match judge(seen, self.now()) {
                Ok(()) => return Some(found),
                Err(doubt) => doubt,
            },
            Err(error) => {
                tracing::debug!(%error, "the replica gave no answer");
                Doubt::Away
            }
        };
        if self.0.is_believed.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                reason = doubt.as_str(),
                "reads go to the primary instead of the replica"
            );
        }
        None
    }

    /// Sends a beat every second, and trusts the replica while beats arrive there in time, until the future is dropped.
    pub async fn keep_beating(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (origin, sent) = (self.0.origin, self.now());
            let beaten = run(&self.0.primary, |mut connection| async move {
                beat(&mut connection, origin, sent).await
            });
            if let Err(error) = beaten.await {
                tracing::debug!(%error, "a beat for the replica was not written");
            }
            let found = self.ask(|mut connection| async move {
                let look = sqlx::query(concat!("SELECT ", replica_seen!()));
                let row = look.bind(origin).fetch_one(&mut *connection).await?;
                Ok((Seen::of(&row)?, ()))
            });
            if found.await.is_some() && !self.0.is_believed.swap(true, Ordering::Relaxed) {
                tracing::info!("reads that may be seconds old go to the replica");
            }
        }
    }

    /// Whether the replica is trusted now, how many reads it answered, and how many the primary answered in its place.
    #[must_use]
    pub fn counts(&self) -> (bool, u64, u64) {
        let parts = &self.0;
        (
            parts.is_believed.load(Ordering::Relaxed),
            parts.from_replica.load(Ordering::Relaxed),
            parts.from_primary.load(Ordering::Relaxed),
        )
    }

    fn now(&self) -> i64 {
        i64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// Writes a beat, and removes the beats of processes that ended long ago.
async fn beat(connection: &mut PgConnection, origin: Uuid, sent: i64) -> sqlx::Result<()> {
    sqlx::query(
        "WITH gone AS (DELETE FROM auth.replica_beats WHERE at < now() - interval '1 day') \
         INSERT INTO auth.replica_beats AS beat (origin, sent) VALUES ($1, $2) \
         ON CONFLICT (origin) DO UPDATE SET sent = EXCLUDED.sent, at = now()",
    )
    .bind(origin)
    .bind(sent)
    .execute(connection)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_follower_with_a_recent_beat_is_believed() {
        let now = 10_000_000;
        for (sent, follows, expected) in [
            (Some(now), true, Ok(())),
            (Some(now - OLDEST), true, Ok(())),
            (Some(now - OLDEST - 1), true, Err(Doubt::Late)),
            (Some(now + 1), true, Err(Doubt::Late)),
            (Some(i64::MIN), true, Err(Doubt::Late)),
            (None, true, Err(Doubt::Unheard)),
            (Some(now), false, Err(Doubt::Promoted)),
            (None, false, Err(Doubt::Promoted)),
        ] {
            assert_eq!(judge(Seen { sent, follows }, now), expected, "{sent:?} {follows}");
        }
    }
}
