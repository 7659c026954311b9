//! One migrator at a time.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::error::{SchemaError, in_migration};

/// The key among the database's advisory locks; the bytes of `xfadeDDL`.
const KEY: i64 = 0x7866_6164_6544_444c;

/// Waits until this session is the only migrator.
///
/// It polls instead of calling `pg_advisory_lock`: a session that waits in that call keeps a snapshot open, and `CREATE INDEX CONCURRENTLY`
/// in the session with the lock waits for all snapshots. The server would break the deadlock by failing one of the two, which leaves an
/// invalid index. The lock belongs to the session and ends with it, also after a crash.
///
/// # Errors
/// [`SchemaError::Busy`] once `patience` is used up.
pub(super) async fn acquire(connection: &mut PgConnection, patience: Duration) -> Result<(), SchemaError> {
    let started = Instant::now();
    loop {
        let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(KEY)
            .fetch_one(&mut *connection)
            .await
            .map_err(in_migration("migration lock"))?;
        if free {
            return Ok(());
        }
        if started.elapsed() >= patience {
            return Err(SchemaError::Busy {
                what: "the migration lock",
                waited: started.elapsed(),
            });
        }
        tokio::time::sleep(jittered(Duration::from_millis(100))).await;
    }
}

/// A pause between `base` and three times `base`: waiting sessions do not wake together.
pub(super) fn jittered(base: Duration) -> Duration {
    // The system seeds a fresh `RandomState`: the only randomness in the standard library.
    let spread = u32::try_from(RandomState::new().hash_one(0) % 2000).unwrap_or(0);
    base + base * spread / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_one_and_three_times_the_base() {
        let base = Duration::from_millis(100);
        let waits: Vec<Duration> = (0..200).map(|_| jittered(base)).collect();
        assert!(waits.iter().all(|wait| (base..base * 3).contains(wait)));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
