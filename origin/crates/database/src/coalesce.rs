//! The coalescer: questions that arrive while a statement runs share the next one. A free worker sends a question at once
//! and alone. No question waits for others to join it, and none waits long for a worker with a statement that stands still.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::DatabaseError;

/// How many questions one statement answers at most.
const MAX_TOGETHER: usize = 64;
/// How many questions may wait. Beyond this, callers are told to come back.
const MAX_WAITING: usize = 8192;
/// How long a question waits before a second worker is started beside the busy ones. A statement may stand still until it times out: for a
/// row that another transaction locks, or for a page that the disk does not deliver.
const STANDSTILL: Duration = Duration::from_millis(100);
/// How many workers there may be while others stand still.
const MAX_WORKERS: usize = 8;

/// How questions of one kind are answered together.
pub trait Batch: Send + Sync + 'static {
    /// One question.
    type Question: Send + 'static;
    /// Its answer.
    type Answer: Send + 'static;
    /// How many statements run at once while none stands still. More workers mean fewer questions for each statement.
    const WORKERS: usize = 1;

    /// Answers each of `waiting`. The list may be empty: questions of callers that have hung up are left out.
    fn answer(&self, waiting: Vec<Waiting<Self::Question, Self::Answer>>) -> impl Future<Output = ()> + Send;
}

/// A question with a caller that waits for the answer.
#[derive(Debug)]
pub struct Waiting<Q, A> {
    /// The question.
    pub question: Q,
    reply: oneshot::Sender<Result<A, DatabaseError>>,
}

impl<Q, A> Waiting<Q, A> {
    /// Hands `answer` to the caller, unless the caller has hung up.
    pub fn reply(self, answer: Result<A, DatabaseError>) {
        let _gone = self.reply.send(answer);
    }
}

/// Gathers the questions of one kind. Cheap to clone; clones share the workers.
pub struct Coalescer<B: Batch>(Arc<Shared<B>>);

struct Shared<B: Batch> {
    batch: B,
    state: Mutex<State<B::Question, B::Answer>>,
}

struct State<Q, A> {
    waiting: VecDeque<Waiting<Q, A>>,
    at_work: usize,
    /// How many batches the workers have taken so far.
    taken: u64,
}

/// A worker. It keeps the count of batches at its own last one: a higher count now means that another worker makes progress.
#[derive(Default)]
struct Worker {
    taken: u64,
}

impl<B: Batch> Clone for Coalescer<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Batch> fmt::Debug for Coalescer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalescer").finish_non_exhaustive()
    }
}

impl<B: Batch> Coalescer<B> {
    /// A coalescer that answers with `batch`.
    pub fn new(batch: B) -> Self {
        let state = Mutex::new(State {
            waiting: VecDeque::new(),
            at_work: 0,
            taken: 0,
        });
        Self(Arc::new(Shared { batch, state }))
    }

    /// Queues `question` and waits for its answer.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when too many wait; else what [`Batch::answer`] replies.
    pub async fn ask(&self, question: B::Question) -> Result<B::Answer, DatabaseError> {
        let (reply, mut answer) = oneshot::channel();
        let begins = {
            let mut state = self.0.lock();
            if state.waiting.len() >= MAX_WAITING {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            state.waiting.push_back(Waiting { question, reply });
            state.open(B::WORKERS)
        };
        if begins {
            self.begin();
        }
        let answered = loop {
            match timeout(STANDSTILL, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) if self.0.lock().open_beside() => self.begin(),
                Err(_) => {}
            }
        };
        answered.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    /// Starts a free worker as a task of its own: a caller that hangs up must not stop the statement that others wait for.
    fn begin(&self) {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut worker = Worker::default();
            while let Some(waiting) = shared.next(&mut worker) {
                shared.batch.answer(waiting).await;
            }
        });
    }
}

impl<B: Batch> Shared<B> {
    /// The questions of the next statement of `worker`; `None` when none waits, and then the worker is free. One lock covers both: a
    /// question that arrives in between must find either a working worker or a free one.
    fn next(&self, worker: &mut Worker) -> Option<Vec<Waiting<B::Question, B::Answer>>> {
        let mut state = self.lock();
        let others_go_on = worker.taken != 0 && worker.taken != state.taken;
        if state.waiting.is_empty() || (others_go_on && state.at_work > B::WORKERS) {
            state.at_work = state.at_work.saturating_sub(1);
            return None;
        }
        state.taken = state.taken.wrapping_add(1).max(1);
        worker.taken = state.taken;
        let count = state.waiting.len().min(MAX_TOGETHER);
        let next = state.waiting.drain(..count);
        Some(next.filter(|waiting| !waiting.reply.is_closed()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State<B::Question, B::Answer>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> State<Q, A> {
    /// Takes a place for one more worker if fewer than `workers` are at work; answers whether it did.
    fn open(&mut self, workers: usize) -> bool {
        let opens = self.at_work < workers;
        if opens {
            self.at_work = self.at_work.saturating_add(1);
        }
        opens
    }

    /// The same for a second worker beside busy ones; only if a question waits.
    fn open_beside(&mut self) -> bool {
        !self.waiting.is_empty() && self.open(MAX_WORKERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answers = Vec<oneshot::Receiver<Result<usize, DatabaseError>>>;

    struct Same;

    impl Batch for Same {
        type Question = usize;
        type Answer = usize;

        async fn answer(&self, waiting: Vec<Waiting<usize, usize>>) {
            for one in waiting {
                let same = one.question;
                one.reply(Ok(same));
            }
        }
    }

    fn queued(count: usize) -> (Arc<Shared<Same>>, Answers) {
        let shared = Coalescer::new(Same).0;
        let answers = (0..count)
            .map(|question| {
                let (reply, answer) = oneshot::channel();
                shared.lock().waiting.push_back(Waiting { question, reply });
                answer
            })
            .collect();
        (shared, answers)
    }

    fn share(taken: Option<Vec<Waiting<usize, usize>>>) -> Option<usize> {
        taken.map(|share| share.len())
    }

    #[tokio::test]
    async fn question_gets_its_own_answer() {
        let same = Coalescer::new(Same);
        let both = tokio::join!(same.ask(1), same.ask(2));
        assert!(matches!(both, (Ok(1), Ok(2))), "{both:?}");
        assert_eq!(same.0.lock().waiting.len(), 0);
    }

    #[test]
    fn worker_answers_all_waiting_callers_and_skips_hung_up_ones() {
        let (shared, mut answers) = queued(MAX_TOGETHER + 3);
        answers.pop();
        assert!(shared.lock().open(1), "nothing is at work");
        assert!(!shared.lock().open(1), "one is");
        let mut worker = Worker::default();
        assert_eq!(share(shared.next(&mut worker)), Some(MAX_TOGETHER));
        assert_eq!(share(shared.next(&mut worker)), Some(2));
        assert_eq!(share(shared.next(&mut worker)), None);
        assert!(shared.lock().open(1), "it is free again");
    }

    #[test]
    fn second_worker_ends_once_the_first_goes_on() {
        let (shared, _answers) = queued(4 * MAX_TOGETHER);
        let (mut first, mut second) = (Worker::default(), Worker::default());
        assert!(shared.lock().open(1) && shared.next(&mut first).is_some());
        // The first worker stands still: the second one takes all questions, batch by batch.
        assert!(shared.lock().open_beside());
        assert!(shared.next(&mut second).is_some() && shared.next(&mut second).is_some());
        assert!(
            shared.next(&mut first).is_none(),
            "the first comes back, and the second goes on"
        );
        assert!(shared.next(&mut second).is_some(), "it is the only one now");
        assert_eq!(share(shared.next(&mut second)), None);
        assert_eq!(shared.lock().at_work, 0);
        assert!(!shared.lock().open_beside(), "there is nothing to do for one");
    }

    #[test]
    fn workers_are_bounded() {
        let (shared, _answers) = queued(1);
        let opened = (0..20).filter(|_| shared.lock().open_beside()).count();
        assert_eq!(opened, MAX_WORKERS);
    }
}
