//! The order of password checks.
//!
//! There are two queues: one for users who have signed in from their network before, and one for all other clients. Strangers can fill the
//! second; there each account has a queue of its own, and guesses at one account delay no sign-in to another. From both together, at most
//! one check a core runs; as many of the second wait at its head. A user of the first queue waits for no more than those.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use limits::Whose;
use shared::limits::Key;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Places that are taken and returned.
type Places = Arc<Semaphore>;

/// Checks that may wait. A hash of cost 10 takes some 50 ms of a core: on two cores the last one in this queue waits about 3 s. A later
/// answer would come too late.
const MAX_WAITING: usize = 96;
/// The same for users who have signed in from their network before.
const MAX_USUAL: usize = 64;
/// Checks at one account, running and waiting, by all other clients.
const MAX_AT_ACCOUNT: usize = 128;
/// How long a check waits for its turn, on a slower machine.
const PATIENCE: Duration = Duration::from_secs(4);
/// Accounts that are remembered before those without a check are forgotten.
const ACCOUNTS: usize = 1024;

/// There is no turn for this check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many password checks are waiting")]
pub struct TooBusy;

/// A turn; it ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _running: OwnedSemaphorePermit,
    _head: Option<OwnedSemaphorePermit>,
    _account: Option<AtAccount>,
}

#[derive(Debug)]
struct AtAccount {
    _check: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    /// Kept while a check is in it.
    _line: Arc<AccountLine>,
}

#[derive(Debug)]
struct AccountLine {
    checks: Places,
    places: Places,
}

/// All turns.
#[derive(Debug)]
pub(super) struct Turns {
    cores: usize,
    running: Places,
    head: Places,
    queue: Places,
    usual_queue: Places,
    accounts: Mutex<HashMap<Key, Weak<AccountLine>>>,
}

fn places(count: usize) -> Places {
    Arc::new(Semaphore::new(count))
}

fn at_once(places: &Places) -> Result<OwnedSemaphorePermit, TooBusy> {
    Arc::clone(places).try_acquire_owned().map_err(|_| TooBusy)
}

async fn in_turn(places: &Places) -> Result<OwnedSemaphorePermit, TooBusy> {
    Arc::clone(places).acquire_owned().await.map_err(|_| TooBusy)
}

impl Turns {
    pub fn new(cores: usize) -> Self {
        Self {
            cores,
            running: places(cores),
            head: places(cores),
            queue: places(cores.saturating_add(MAX_WAITING)),
            usual_queue: places(cores.saturating_add(MAX_USUAL)),
            accounts: Mutex::default(),
        }
    }

    pub async fn take(&self, whose: Whose) -> Result<Turn, TooBusy> {
        timeout(PATIENCE, self.wait(whose)).await.map_err(|_| TooBusy)?
    }

    async fn wait(&self, whose: Whose) -> Result<Turn, TooBusy> {
        let Whose::Anybody(account) = whose else {
            let _place = at_once(&self.usual_queue)?;
            return Ok(Turn {
                _running: in_turn(&self.running).await?,
                _head: None,
                _account: None,
            });
        };
        let line = self.line(account);
        let place = at_once(&line.places)?;
        let check = in_turn(&line.checks).await?;
        // Only a check that its account's queue has let through takes a place in the common queue.
        let _place = at_once(&self.queue)?;
        let head = in_turn(&self.head).await?;
        Ok(Turn {
            _running: in_turn(&self.running).await?,
            _head: Some(head),
            _account: Some(AtAccount {
                _check: check,
                _place: place,
                _line: line,
            }),
        })
    }

    /// A turn without a wait, if one is free.
    pub fn take_if_idle(&self) -> Option<Turn> {
        Some(Turn {
            _running: at_once(&self.running).ok()?,
            _head: None,
            _account: None,
        })
    }

    fn line(&self, account: Key) -> Arc<AccountLine> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = accounts.get(&account).and_then(Weak::upgrade) {
            return line;
        }
        if accounts.len() >= ACCOUNTS {
            accounts.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::new(AccountLine {
            checks: places(self.cores.div_ceil(2)),
            places: places(MAX_AT_ACCOUNT),
        });
        accounts.insert(account, Arc::downgrade(&line));
        line
    }
}

#[cfg(test)]
mod tests {
    use shared::assertion::AssertionKeys;
    use shared::limits::KeyMaker;

    use super::*;

    fn account(name: &str) -> Whose {
        let keys = format!("k1:{}", shared::base64url::encode(&[7; 32]));
        Whose::Anybody(KeyMaker::new(&AssertionKeys::parse(&keys).unwrap()).account(name))
    }

    /// Whether a turn is free without a wait.
    async fn is_free(turns: &Turns, whose: Whose) -> bool {
        tokio::select! {
            biased;
            turn = turns.wait(whose) => turn.is_ok(),
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn guesses_at_one_account_leave_turns_for_others() {
        let turns = Turns::new(4);
        let mut running = Vec::new();
        for _ in 0..2 {
            running.push(turns.take(account("ann")).await.unwrap());
        }
        assert!(!is_free(&turns, account("ann")).await);
        assert!(is_free(&turns, account("ben")).await);
        assert!(is_free(&turns, Whose::Usual).await);
        running.pop();
        assert!(is_free(&turns, account("ann")).await);
    }

    #[tokio::test]
    async fn full_queue_refuses_strangers_not_usual_users() {
        let turns = Turns::new(2);
        let _all = Arc::clone(&turns.queue)
            .try_acquire_many_owned(u32::try_from(turns.queue.available_permits()).unwrap())
            .unwrap();
        assert_eq!(turns.take(account("ann")).await.unwrap_err(), TooBusy);
        assert!(turns.take(Whose::Usual).await.is_ok());
    }

    #[tokio::test]
    async fn usual_user_waits_only_for_the_head_of_the_queue() {
        let turns = Arc::new(Turns::new(1));
        let running = turns.take(account("a")).await.unwrap();
        let mut strangers: Vec<_> = (0..20)
            .map(|n| {
                Box::pin({
                    let turns = Arc::clone(&turns);
                    async move { turns.wait(account(&n.to_string())).await }
                })
            })
            .collect();
        for stranger in &mut strangers {
            assert!(
                std::future::poll_fn(|context| std::task::Poll::Ready(
                    stranger.as_mut().poll(context).is_pending()
                ))
                .await
            );
        }
        let mut user = Box::pin(turns.wait(Whose::Usual));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(user.as_mut().poll(context).is_pending()))
                .await
        );
        drop(running);
        // At most the one stranger at the head was before the user.
        assert!(user.await.is_ok());
    }

    #[tokio::test]
    async fn one_account_fills_only_its_own_queue() {
        let turns = Turns::new(2);
        let line = turns.line(match account("ann") {
            Whose::Anybody(key) => key,
            Whose::Usual => unreachable!(),
        });
        let _all = line
            .places
            .try_acquire_many(u32::try_from(MAX_AT_ACCOUNT).unwrap())
            .unwrap();
        assert_eq!(turns.take(account("ann")).await.unwrap_err(), TooBusy);
        assert!(turns.take(account("ben")).await.is_ok());
    }

    #[tokio::test]
    async fn accounts_without_a_check_are_forgotten() {
        let turns = Turns::new(2);
        for number in 0..3 * ACCOUNTS {
            drop(turns.take(account(&number.to_string())).await.unwrap());
        }
        assert!(turns.accounts.lock().unwrap().len() <= ACCOUNTS);
    }
}
