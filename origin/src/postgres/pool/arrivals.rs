//! People nobody has seen before: rows that are created together cost one statement and one commit.
//!
//! Only creating a row is shared. It waits for nobody but another transaction that is just creating the same row, while linking a
//! row that exists waits for whoever has it locked, and would let everybody else wait with it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Pool;
use super::lanes::{Answer, Lane, Lanes, Waiting};
use crate::domain::user::UserRecord;
use crate::postgres::users::{self, Arrival};
use crate::postgres::{DatabaseError, run};

/// How many statements run at once. While one waits for the disk the next gathers people, and the more people the less each costs: with
/// one lane 1.7 times as many came in as with eight (docs/PERFORMANCE.md). While one stands still, waiting for who is just creating the
/// same row, others open beside it.
const LANES: usize = 1;

/// The arrivals that wait.
pub(super) struct Arrivals(Lanes<Arc<Arrival>, Option<UserRecord>>);

type Arriving = Waiting<Arc<Arrival>, Option<UserRecord>>;

impl Default for Arrivals {
    fn default() -> Self {
        Self(Lanes::new(LANES))
    }
}

impl Arrivals {
    pub(super) async fn create(&self, pool: &Pool, arrival: Arc<Arrival>) -> Answer<Option<UserRecord>> {
        let begin = || drop(tokio::spawn(work(pool.clone())));
        self.0.ask(arrival, begin).await
    }
}

/// A task that creates people until nobody waits.
async fn work(pool: Pool) {
    let mut lane = Lane::default();
    while let Some(waiting) = pool.0.arrivals.0.next(&mut lane) {
        create_together(&pool, waiting).await;
    }
}

async fn create_together(pool: &Pool, mut waiting: Vec<Arriving>) {
    let repeats = take_repeats(&mut waiting);
    if waiting.is_empty() {
        return;
    }
    let arrivals: Vec<&Arrival> = waiting.iter().map(|one| &*one.question).collect();
    let arrivals = arrivals.as_slice();
    let created = run(pool, |mut connection| async move {
        users::create_together(&mut connection, arrivals).await
    })
    .await;
    let created = match created {
        Ok(created) => created,
        // It may be the fault of one of them: each is looked at alone.
        Err(error) if waiting.len() > 1 && is_about_the_statement(&error) => Vec::new(),
        Err(error) => {
            for one in waiting.into_iter().chain(repeats) {
                let _gone = one.reply.send(Err(error.clone()));
            }
            return;
        }
    };
    let mut created: HashMap<_, _> = created
        .into_iter()
        .map(|record| (record.user.id, record))
        .collect();
    for one in waiting.into_iter().chain(repeats) {
        let record = created.remove(&one.question.new.id.0);
        let _gone = one.reply.send(Ok(record));
    }
}

/// Takes out everyone whose account came before in the list: they will find the row that is made for the first.
fn take_repeats(waiting: &mut Vec<Arriving>) -> Vec<Arriving> {
    let mut seen = HashSet::new();
    let (first, repeated) = std::mem::take(waiting).into_iter().partition(|one| {
        let sign_in = &one.question.sign_in;
        seen.insert((sign_in.uid.clone(), sign_in.issuer.clone()))
    });
    *waiting = first;
    repeated
}

/// Whether the server answered, and would perhaps have answered otherwise to fewer of them.
fn is_about_the_statement(error: &DatabaseError) -> bool {
    let (DatabaseError::Unavailable(cause) | DatabaseError::Refused(cause)) = error;
    cause.as_database_error().is_some()
}
