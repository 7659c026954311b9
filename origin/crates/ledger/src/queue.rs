//! Movements of one user, one statement at a time: movements that arrive while a statement runs share the next one.
//!
//! PostgreSQL lets one transaction at a time change a user's row. Parallel statements for one user would only queue there, each with a
//! connection and a commit of its own; they queue here instead. A movement of a user without a running statement is sent at once and alone:
//! no movement waits for others to join it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use database::Pool;
use shared::ids::UserId;
use tokio::sync::oneshot;

use crate::counters::Counters;
use crate::failure::LedgerFailure;
use crate::make::make_one;
use crate::outcome::{Receipt, receipt};
use crate::rules::{IdempotencyToken, MAX_BATCH, Movement};
use crate::statements::{self, Answer, Found};

/// How many movements of one user may wait. Beyond this, callers are told to come back ([`LedgerFailure::Busy`]).
const MAX_WAITING: usize = 1024;

/// The waiting movements, by user.
pub(crate) struct Queue {
    pool: Pool,
    counters: Arc<Counters>,
    /// A key is present exactly while a task works on that user's movements.
    waiting: Mutex<HashMap<UserId, VecDeque<Waiting>>>,
}

/// A movement with a caller that waits.
struct Waiting {
    token: IdempotencyToken,
    movement: Movement,
    reply: oneshot::Sender<Result<Receipt, LedgerFailure>>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl Queue {
    pub(crate) fn new(pool: Pool, counters: Arc<Counters>) -> Self {
        Self {
            pool,
            counters,
            waiting: Mutex::default(),
        }
    }

    /// Makes `movement`, together with others of the same user that wait.
    pub(crate) async fn make(
        self: &Arc<Self>,
        token: IdempotencyToken,
        movement: Movement,
    ) -> Result<Receipt, LedgerFailure> {
        let (reply, answer) = oneshot::channel();
        let user = movement.user;
        let waiting = Waiting {
            token,
            movement,
            reply,
        };
        if let Some(first) = self.join(user, waiting)? {
            // A task of its own: a caller that hangs up must not stop the statement that others wait for.
            let worker = Worker {
                queue: Arc::clone(self),
                user,
            };
            tokio::spawn(worker.run(first));
        }
        // Without an answer, the task ended with the program or by an unforeseen fault.
        answer
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    /// Queues `waiting` of `user`; returns it if no task works for the user, and the caller then starts one.
    fn join(&self, user: UserId, waiting: Waiting) -> Result<Option<Waiting>, LedgerFailure> {
        let mut open = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&user) {
            None => {
                open.insert(user, VecDeque::new());
                Ok(Some(waiting))
            }
            Some(queue) if queue.len() >= MAX_WAITING => Err(LedgerFailure::Busy),
            Some(queue) => {
                queue.push_back(waiting);
                Ok(None)
            }
        }
    }

    /// The next movements of `user`; if there are none, no task works for the user from now on.
    fn next(&self, user: UserId) -> Vec<Waiting> {
        let mut open = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = open.get_mut(&user) else {
            return Vec::new();
        };
        let count = queue.len().min(MAX_BATCH);
        let next: Vec<Waiting> = queue.drain(..count).collect();
        if next.is_empty() {
            open.remove(&user);
        }
        next
    }
}

/// The task that works on one user's movements.
struct Worker {
    queue: Arc<Queue>,
    user: UserId,
}

impl Worker {
    async fn run(self, first: Waiting) {
        let mut next = vec![first];
        while !next.is_empty() {
            // The caller hung up before the movement began: it may send it again.
            next.retain(|waiting| !waiting.reply.is_closed());
            self.make(next).await;
            next = self.queue.next(self.user);
        }
    }

    async fn make(&self, mut waiting: Vec<Waiting>) {
        while waiting.len() > 1 {
            match self.make_together(&mut waiting).await {
                Ok(Progress::Some) => {}
                Ok(Progress::None) => break,
                Err(failure) => {
                    for one in waiting {
                        let _ = one.reply.send(Err(failure.clone()));
                    }
                    return;
                }
            }
        }
        for one in waiting {
            let outcome = make_one(&self.queue.pool, &self.queue.counters, &one.token, &one.movement).await;
            let _ = one.reply.send(outcome);
        }
    }

    /// Runs one statement for all of `waiting`, answers the settled ones and leaves the others.
    async fn make_together(&self, waiting: &mut Vec<Waiting>) -> Result<Progress, LedgerFailure> {
        let counters = &self.queue.counters;
        let repeats = take_repeats(waiting);
        let requests: Vec<_> = waiting.iter().map(|one| (&one.token, &one.movement)).collect();
        let requests = requests.as_slice();
        let made = self
            .queue
            .pool
            .once(|mut connection| async move { statements::move_tokens(&mut connection, requests).await });
        let made = match made.await {
            Ok(made) => made,
            Err(error) => {
                waiting.extend(repeats);
                return Err(error.into());
            }
        };
        counters.batches();
        // After any failure of the shared statement, each movement gets a statement of its own, which knows whether a retry can help.
        let mut found: HashMap<usize, Found> = match made {
            Ok(Answer::Found(found)) => found.into_iter().collect(),
            Ok(Answer::NotMoved { .. }) | Err(_) => HashMap::new(),
        };
        let progress = if found.is_empty() {
            counters.batches_split();
            Progress::None
        } else {
            Progress::Some
        };
        let mut settled = HashMap::new();
        let mut rest = Vec::with_capacity(repeats.len());
        for (index, one) in std::mem::take(waiting).into_iter().enumerate() {
            let Some(found) = found.remove(&index) else {
                rest.push(one);
                continue;
            };
            let hash = one.movement.request_hash();
            let again = Found {
                made_for: Some(found.made_for.clone().unwrap_or_else(|| hash.0.to_vec())),
                ..found.clone()
            };
            let _ = one.reply.send(receipt(counters, hash, found).map_err(Into::into));
            settled.insert(one.token, again);
        }
        for repeat in repeats {
            match settled.get(&repeat.token) {
                Some(found) => {
                    let receipt = receipt(counters, repeat.movement.request_hash(), found.clone());
                    let _ = repeat.reply.send(receipt.map_err(Into::into));
                }
                None => rest.push(repeat),
            }
        }
        *waiting = rest;
        Ok(progress)
    }
}

/// If the task ends by an unforeseen fault, the queue must not stay closed for ever: its waiters are told to come back.
impl Drop for Worker {
    fn drop(&mut self) {
        let mut open = self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if std::thread::panicking() {
            open.remove(&self.user);
        }
    }
}

enum Progress {
    Some,
    None,
}

/// Takes out every request with a token that another request in the list has: one statement can hold a token once.
fn take_repeats(waiting: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut seen = std::collections::HashSet::new();
    let (first, repeated) = std::mem::take(waiting)
        .into_iter()
        .partition(|one| seen.insert(one.token.clone()));
    *waiting = first;
    repeated
}
