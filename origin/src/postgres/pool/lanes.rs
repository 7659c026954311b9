//! Questions that arrive while the lanes are busy share the next statement. One that finds a lane free goes at once and alone:
//! nothing ever waits for company.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::postgres::DatabaseError;

/// How many questions one statement answers at most.
const MAX_TOGETHER: usize = 64;
/// How many questions may wait. Beyond, callers are told to come back.
const MAX_WAITING: usize = 8192;

/// The questions of one kind that wait, and how many statements are at work on such.
pub(super) struct Lanes<Q, A> {
    state: Mutex<State<Q, A>>,
    /// How many statements run at once. More lanes mean smaller shares.
    lanes: usize,
}

struct State<Q, A> {
    waiting: VecDeque<Waiting<Q, A>>,
    at_work: usize,
}

/// What a lane answers with.
pub(super) type Answer<A> = Result<A, DatabaseError>;

/// A question whose answer somebody waits for.
pub(super) struct Waiting<Q, A> {
    pub question: Q,
    pub reply: oneshot::Sender<Answer<A>>,
}

impl<Q, A> Lanes<Q, A> {
    pub const fn new(lanes: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            at_work: 0,
        };
        Self {
            state: Mutex::new(state),
            lanes,
        }
    }

    /// Queues `question` and waits for its answer. `begin` starts the task of a lane that was free: it calls [`Self::next`] until
    /// there is nothing more. A task of its own, because a caller that hangs up must not stop the statement others wait for.
    pub async fn ask(&self, question: Q, begin: impl FnOnce()) -> Answer<A> {
        let (reply, answer) = oneshot::channel();
        let begins = {
            let mut state = self.lock();
            if state.waiting.len() >= MAX_WAITING {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            state.waiting.push_back(Waiting { question, reply });
            let begins = state.at_work < self.lanes;
            if begins {
                state.at_work = state.at_work.saturating_add(1);
            }
            begins
        };
        if begins {
            begin();
        }
        answer
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    /// What the next statement answers; `None` when nobody waits, and then the lane is free again. In one step: a question that
    /// comes in between must find either the lane at work or the lane free.
    pub fn next(&self) -> Option<Vec<Waiting<Q, A>>> {
        let mut state = self.lock();
        if state.waiting.is_empty() {
            state.at_work = state.at_work.saturating_sub(1);
            return None;
        }
        let count = state.waiting.len().min(MAX_TOGETHER);
        let next = state.waiting.drain(..count);
        // Nobody waits any more for the answers that are left out.
        Some(next.filter(|waiting| !waiting.reply.is_closed()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
