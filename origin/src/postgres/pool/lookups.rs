//! Look-ups of people by uid: those that arrive while the lanes are busy share the next statement.
//!
//! Most requests begin with one, and PostgreSQL spends more on a statement than on a row. A look-up that finds a lane free goes at
//! once and alone: nothing ever waits for company.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::ids::FirebaseUid;
use tokio::sync::oneshot;

use super::Pool;
use crate::domain::user::UserRecord;
use crate::postgres::{DatabaseError, run, users};

/// How many statements run at once. More lanes mean smaller shares.
const LANES: usize = 2;
/// How many people one statement looks up at most.
const MAX_TOGETHER: usize = 64;
/// How many look-ups may wait. Beyond, callers are told to come back.
const MAX_WAITING: usize = 8192;

/// The look-ups that wait, and how many lanes are at work.
#[derive(Default)]
pub(super) struct Lookups {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    at_work: usize,
}

type Found = Result<Option<UserRecord>, DatabaseError>;

/// A look-up somebody waits for.
struct Waiting {
    uid: FirebaseUid,
    reply: oneshot::Sender<Found>,
}

impl Lookups {
    pub(super) async fn find(&self, pool: &Pool, uid: &FirebaseUid) -> Found {
        let (reply, answer) = oneshot::channel();
        let begins = {
            let mut state = self.lock();
            if state.waiting.len() >= MAX_WAITING {
                return Err(sqlx::Error::PoolTimedOut.into());
            }
            state.waiting.push_back(Waiting {
                uid: uid.clone(),
                reply,
            });
            let begins = state.at_work < LANES;
            if begins {
                state.at_work = state.at_work.saturating_add(1);
            }
            begins
        };
        if begins {
            // A task of its own: a caller that hangs up must not stop the statement others wait for.
            tokio::spawn(work(pool.clone()));
        }
        answer
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next statement looks up; `None` when nobody waits, and then the lane is free again. In one step: a look-up that
    /// comes in between must find either the lane at work or the lane free.
    fn next(&self) -> Option<Vec<Waiting>> {
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
}

/// A task that looks people up until nobody waits.
async fn work(pool: Pool) {
    while let Some(waiting) = pool.0.lookups.next() {
        answer(&pool, waiting).await;
    }
}

async fn answer(pool: &Pool, waiting: Vec<Waiting>) {
    match waiting.len() {
        0 => {}
        1 => {
            for one in waiting {
                let uid = &one.uid;
                let found = run(pool, |mut connection| async move {
                    users::find_by_firebase_uid(&mut connection, uid).await
                })
                .await;
                let _gone = one.reply.send(found);
            }
        }
        _ => answer_together(pool, waiting).await,
    }
}

async fn answer_together(pool: &Pool, waiting: Vec<Waiting>) {
    let uids: Vec<String> = waiting.iter().map(|one| one.uid.as_str().to_owned()).collect();
    let uids = uids.as_slice();
    let found = run(pool, |mut connection| async move {
        users::find_by_firebase_uids(&mut connection, uids).await
    })
    .await;
    match found {
        Ok(records) => {
            let records: HashMap<&str, &UserRecord> = records
                .iter()
                .filter_map(|record| Some((record.user.firebase_uid.as_deref()?, record)))
                .collect();
            for Waiting { uid, reply } in waiting {
                let record = records.get(uid.as_str()).map(|record| UserRecord::clone(record));
                let _gone = reply.send(Ok(record));
            }
        }
        Err(error) => {
            for one in waiting {
                let _gone = one.reply.send(Err(error.clone()));
            }
        }
    }
}
