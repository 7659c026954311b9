//! Questions that arrive while the lanes are busy share the next statement. One that finds a lane free goes at once and alone:
//! nothing ever waits for company, and nothing waits long for a lane that stands still.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::postgres::DatabaseError;

/// How many questions one statement answers at most.
const MAX_TOGETHER: usize = 64;
/// How many questions may wait. Beyond, callers are told to come back.
const MAX_WAITING: usize = 8192;
/// How long somebody waits before a lane is opened beside those there are: a statement may stand still until it is timed out, for a
/// row that another transaction is just writing or a page that the disk does not give.
const STANDSTILL: Duration = Duration::from_millis(100);
/// How many lanes there may be then.
const MAX_LANES: usize = 8;

/// The questions of one kind that wait, and how many statements are at work on such.
pub(super) struct Lanes<Q, A> {
    state: Mutex<State<Q, A>>,
    /// How many statements run at once while none stands still. More lanes mean smaller shares.
    lanes: usize,
}

struct State<Q, A> {
    waiting: VecDeque<Waiting<Q, A>>,
    at_work: usize,
    /// How many shares were taken so far.
    taken: u64,
}

/// What a lane answers with.
pub(super) type Answer<A> = Result<A, DatabaseError>;

/// A question whose answer somebody waits for.
pub(super) struct Waiting<Q, A> {
    pub question: Q,
    pub reply: oneshot::Sender<Answer<A>>,
}

/// A lane at work: how many shares had been taken, its own last one included. If it is more by now, another lane is not standing still.
#[derive(Default)]
pub(super) struct Lane {
    taken: u64,
}

impl<Q, A> Lanes<Q, A> {
    pub const fn new(lanes: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            at_work: 0,
            taken: 0,
        };
        Self {
            state: Mutex::new(state),
            lanes,
        }
    }

    /// Queues `question` and waits for its answer. `begin` starts the task of a lane that was free: it calls [`Self::next`] until
    /// there is nothing more. A task of its own, because a caller that hangs up must not stop the statement others wait for.
    pub async fn ask(&self, question: Q, begin: impl Fn()) -> Answer<A> {
        let (reply, mut answer) = oneshot::channel();
        let begins = {
            let mut state = self.lock();
            if state.waiting.len() >= MAX_WAITING {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            state.waiting.push_back(Waiting { question, reply });
            state.open(self.lanes)
        };
        if begins {
            begin();
        }
        let answered = loop {
            match timeout(STANDSTILL, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) if self.lock().open_beside() => begin(),
                Err(_) => {}
            }
        };
        answered.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    /// What the next statement of `lane` answers; `None` when the lane has nothing more to do, and then it is free again. In one step: a
    /// question that comes in between must find either the lane at work or the lane free.
    pub fn next(&self, lane: &mut Lane) -> Option<Vec<Waiting<Q, A>>> {
        let mut state = self.lock();
        let others_go_on = lane.taken != 0 && lane.taken != state.taken;
        if state.waiting.is_empty() || (others_go_on && state.at_work > self.lanes) {
            state.at_work = state.at_work.saturating_sub(1);
            return None;
        }
        state.taken = state.taken.wrapping_add(1).max(1);
        lane.taken = state.taken;
        let count = state.waiting.len().min(MAX_TOGETHER);
        let next = state.waiting.drain(..count);
        // Nobody waits any more for the answers that are left out.
        Some(next.filter(|waiting| !waiting.reply.is_closed()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State<Q, A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, A> State<Q, A> {
    /// Whether there was room for a lane among `lanes`, which is at work from now on.
    fn open(&mut self, lanes: usize) -> bool {
        let opens = self.at_work < lanes;
        if opens {
            self.at_work = self.at_work.saturating_add(1);
        }
        opens
    }

    /// The same for a lane beside those that have kept somebody waiting; only where it would find a question.
    fn open_beside(&mut self) -> bool {
        !self.waiting.is_empty() && self.open(MAX_LANES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Lanes<usize, usize>;

    fn queued(numbers: &Numbers, count: usize) -> Vec<oneshot::Receiver<Answer<usize>>> {
        (0..count)
            .map(|question| {
                let (reply, answer) = oneshot::channel();
                numbers.lock().waiting.push_back(Waiting { question, reply });
                answer
            })
            .collect()
    }

    fn share(taken: Option<Vec<Waiting<usize, usize>>>) -> Option<usize> {
        taken.map(|share| share.len())
    }

    #[test]
    fn a_lane_goes_on_until_nobody_waits_and_leaves_out_who_has_hung_up() {
        let numbers = Numbers::new(1);
        let mut answers = queued(&numbers, MAX_TOGETHER + 3);
        answers.pop();
        assert!(numbers.lock().open(1), "nothing is at work");
        assert!(!numbers.lock().open(1), "one is");
        let mut lane = Lane::default();
        assert_eq!(share(numbers.next(&mut lane)), Some(MAX_TOGETHER));
        assert_eq!(share(numbers.next(&mut lane)), Some(2));
        assert_eq!(share(numbers.next(&mut lane)), None);
        assert!(numbers.lock().open(1), "it is free again");
    }

    #[test]
    fn a_lane_beside_ends_as_soon_as_the_others_go_on() {
        let numbers = Numbers::new(1);
        let _answers = queued(&numbers, 4 * MAX_TOGETHER);
        let (mut first, mut second) = (Lane::default(), Lane::default());
        assert!(numbers.lock().open(1) && numbers.next(&mut first).is_some());
        // The first stands still: the second takes all there is, share by share.
        assert!(numbers.lock().open_beside());
        assert!(numbers.next(&mut second).is_some() && numbers.next(&mut second).is_some());
        assert!(
            numbers.next(&mut first).is_none(),
            "the first comes back, and the second goes on"
        );
        assert!(numbers.next(&mut second).is_some(), "it is the only one now");
        assert_eq!(share(numbers.next(&mut second)), None);
        assert_eq!(numbers.lock().at_work, 0);
        assert!(!numbers.lock().open_beside(), "there is nothing to do for one");
    }

    #[test]
    fn there_are_so_many_lanes_and_no_more() {
        let numbers = Numbers::new(2);
        let _answers = queued(&numbers, 1);
        let opened = (0..20).filter(|_| numbers.lock().open_beside()).count();
        assert_eq!(opened, MAX_LANES);
    }
}
