//! Users nobody has seen before: rows that are created together cost one statement and one commit. While one statement waits for the disk
//! the next gathers users, and the more users the less each costs: with one worker 1.7 times as many came in as with eight
//! (docs/PERFORMANCE.md).
//!
//! Only creating a row is shared. It waits for nobody but another transaction that is just creating the same row, while linking a
//! row that exists waits for whoever has it locked, and would let everybody else wait with it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use database::{Batch, DatabaseError, Pool, Waiting, run};

use crate::rules::user::UserRecord;
use crate::statements::users;
use crate::statements::users::Arrival;

/// Creates users in this database.
pub(super) struct Arrivals(pub Pool);

type Arriving = Waiting<Arc<Arrival>, Option<UserRecord>>;

impl Batch for Arrivals {
    type Question = Arc<Arrival>;
    type Answer = Option<UserRecord>;

    async fn answer(&self, mut waiting: Vec<Arriving>) {
        let repeats = take_repeats(&mut waiting);
        if waiting.is_empty() {
            return;
        }
        let arrivals: Vec<&Arrival> = waiting.iter().map(|one| &*one.question).collect();
        let arrivals = arrivals.as_slice();
        let created = run(&self.0, |mut connection| async move {
            users::create_together(&mut connection, arrivals).await
        })
        .await;
        let created = match created {
            Ok(created) => created,
            // It may be the fault of one of them: each is looked at alone.
            Err(error) if waiting.len() > 1 && is_about_the_statement(&error) => Vec::new(),
            Err(error) => {
                for one in waiting.into_iter().chain(repeats) {
                    one.reply(Err(error.clone()));
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
            one.reply(Ok(record));
        }
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
