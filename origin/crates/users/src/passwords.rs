//! Password hashes of the legacy service (bcrypt), computed without delaying other requests.

mod turns;

use std::sync::Arc;

use limits::Whose;
use shared::ids::UserId;

use crate::rules::bcrypt_hash::{BcryptHash, UnusableHash};
use turns::Turns;

pub use turns::{TooBusy, Turn};

/// Checks and makes bcrypt hashes on threads of their own, at most one a core at a time: many sign-ins at once can slow down sign-ins, but
/// not the requests of signed-in users. Many sign-ins at one account slow down that account's.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Turns>,
    cost: u32,
    max_cost: u32,
}

impl Passwords {
    /// Makes new hashes with 2^`cost` rounds; does not check stored ones with more than 2^`max_cost`.
    #[must_use]
    pub fn new(cost: u32, max_cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            turns: Arc::new(Turns::new(cores)),
            cost,
            max_cost,
        }
    }

    /// The highest cost of a stored hash that is checked.
    #[must_use]
    pub const fn max_cost(&self) -> u32 {
        self.max_cost
    }

    /// Whether the legacy service may be able to check `stored` and this service is not: too costly a bcrypt, or an unusual kind of it.
    #[must_use]
    pub fn is_left_to_legacy(&self, stored: &str) -> bool {
        stored.starts_with("$2") && BcryptHash::parse(stored, self.max_cost).is_err()
    }

    /// Waits for a turn. Every sign-in takes one, even if there is no hash to check: neither the answer nor its time may reveal who has
    /// one.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub async fn turn(&self, whose: Whose) -> Result<Turn, TooBusy> {
        self.turns.take(whose).await
    }

    /// Whether `password` matches `stored`, the hash of `user`. An unchecked hash matches no password; the log names one that is too
    /// costly.
    ///
    /// # Errors
    /// [`TooBusy`] when the runtime is shutting down.
    pub async fn verify(
        &self,
        turn: Turn,
        password: String,
        stored: &str,
        user: UserId,
    ) -> Result<bool, TooBusy> {
        let Some(hash) = self.usable(stored, user) else {
            return Ok(false);
        };
        work(turn, move || is_of(&hash, password)).await
    }

    /// [`Passwords::verify`], if a processor is idle right now; `None` if not. For checks that no request waits for.
    pub async fn verify_if_idle(&self, password: String, stored: &str, user: UserId) -> Option<bool> {
        let hash = self.usable(stored, user)?;
        let turn = self.turns.take_if_idle()?;
        work(turn, move || is_of(&hash, password)).await.ok()
    }

    /// The hash of `password`, in the form that the legacy service reads (`$2b$`). Bytes past the 72nd do not count, as there.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub async fn hash(&self, password: String) -> Result<String, TooBusy> {
        let cost = self.cost;
        let turn = self.turns.take(Whose::Usual).await?;
        work(turn, move || bcrypt::hash(password, cost).map_err(|_| TooBusy)).await?
    }

    fn usable(&self, stored: &str, user: UserId) -> Option<BcryptHash> {
        match BcryptHash::parse(stored, self.max_cost) {
            Ok(hash) => Some(hash),
            Err(UnusableHash::NotBcrypt) => None,
            Err(UnusableHash::TooCostly { cost }) => {
                tracing::warn!(
                    user_id = %user, cost, max_cost = self.max_cost,
                    "a stored hash is too costly to check"
                );
                None
            }
        }
    }
}

fn is_of(hash: &BcryptHash, password: String) -> bool {
    bcrypt::verify(password, hash.expose()).unwrap_or(false)
}

/// Runs `work` on a thread of its own. The work goes on, and keeps its turn, after its caller has left.
async fn work<T: Send + 'static>(
    turn: Turn,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TooBusy> {
    let work = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    work.await.map_err(|_| TooBusy)
}

#[cfg(test)]
mod tests;
