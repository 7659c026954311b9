//! Password hashes of the legacy service (bcrypt), computed where they disturb nobody.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Work that may wait for a turn. A hash of cost 10 takes some 50 ms of a core, so on two cores the last in this queue waits about
/// 3 s; one later would be answered too late to be of use.
const MAX_WAITING: usize = 128;
/// How long a turn is waited for, on a machine that is slower than that.
const PATIENCE: Duration = Duration::from_secs(4);

/// Checks and makes bcrypt hashes on threads of their own, at most one a core at a time: a storm of sign-ins can slow down
/// sign-ins, but not the requests of people who are signed in.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    cost: u32,
}

/// There is no turn for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many password checks are waiting")]
pub struct TooBusy;

impl Passwords {
    /// New hashes take 2^`cost` rounds.
    #[must_use]
    pub fn new(cost: u32) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        Self {
            running: Arc::new(Semaphore::new(cores)),
            queue: Arc::new(Semaphore::new(cores.saturating_add(MAX_WAITING))),
            cost,
        }
    }

    /// Whether `password` is the one of `hash`. A hash that is none (or not bcrypt) belongs to no password.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub async fn verify(&self, password: String, hash: String) -> Result<bool, TooBusy> {
        self.work(move || bcrypt::verify(password, &hash).unwrap_or(false))
            .await
    }

    /// [`Passwords::verify`], if there is a processor for it right now; `None` when there is not. For checks that nobody waits for.
    pub async fn verify_if_idle(&self, password: String, hash: String) -> Option<bool> {
        let turn = Arc::clone(&self.running).try_acquire_owned().ok()?;
        let work = tokio::task::spawn_blocking(move || {
            let right = bcrypt::verify(password, &hash).unwrap_or(false);
            drop(turn);
            right
        });
        work.await.ok()
    }

    /// Spends the time of a check without one, so that the time of an answer does not tell whether an account exists.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub async fn pretend(&self, password: String) -> Result<(), TooBusy> {
        let cost = self.cost;
        self.work(move || drop(bcrypt::hash(password, cost))).await
    }

    /// The hash of `password`, in the form the legacy service reads (`$2b$`). Bytes past the 72nd do not count, as there.
    ///
    /// # Errors
    /// [`TooBusy`].
    pub async fn hash(&self, password: String) -> Result<String, TooBusy> {
        let cost = self.cost;
        self.work(move || bcrypt::hash(password, cost).map_err(|_| TooBusy))
            .await?
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, TooBusy> {
        let _place = Arc::clone(&self.queue).try_acquire_owned().map_err(|_| TooBusy)?;
        let turn = timeout(PATIENCE, Arc::clone(&self.running).acquire_owned())
            .await
            .map_err(|_| TooBusy)?
            .map_err(|_| TooBusy)?;
        let work = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        work.await.map_err(|_| TooBusy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_is_the_legacy_services_kind() {
        let passwords = Passwords::new(4);
        let hash = passwords.hash("correct horse 1".to_owned()).await.unwrap();
        assert!(hash.starts_with("$2b$04$"), "{hash}");
        assert_eq!(
            passwords.verify("correct horse 1".to_owned(), hash.clone()).await,
            Ok(true)
        );
        assert_eq!(
            passwords.verify("correct horse 2".to_owned(), hash).await,
            Ok(false)
        );
        for no_hash in ["", "!", "$2b$04$short"] {
            assert_eq!(
                passwords.verify(String::new(), no_hash.to_owned()).await,
                Ok(false),
                "{no_hash}"
            );
        }
    }

    #[tokio::test]
    async fn too_many_are_turned_away() {
        let passwords = Passwords::new(4);
        let places = passwords.queue.available_permits();
        let all = passwords
            .queue
            .try_acquire_many(u32::try_from(places).unwrap())
            .unwrap();
        assert_eq!(passwords.hash("x".to_owned()).await, Err(TooBusy));
        drop(all);
        let cores = u32::try_from(passwords.running.available_permits()).unwrap();
        let every = passwords.running.try_acquire_many(cores).unwrap();
        assert_eq!(passwords.verify_if_idle(String::new(), String::new()).await, None);
        drop(every);
        assert_eq!(
            passwords.verify_if_idle(String::new(), String::new()).await,
            Some(false)
        );
        assert!(passwords.hash("x".to_owned()).await.is_ok());
    }
}
