//! Creates the rows of new users together: they share one statement and one commit. While one statement waits for the disk, the next one
//! gathers users, and more users cost less each: one worker created 1.7 times as many as eight (docs/PERFORMANCE.md).
//!
//! Only the creation of rows is shared. It waits only for a transaction that creates the same row at the same moment. Linking an existing
//! row waits for every lock on it, and all others in the statement would wait too.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use database::{Batch, DatabaseError, Pool, Waiting, run};

use crate::rules::user::UserRecord;
use crate::statements::together;
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
            together::create_together(&mut connection, arrivals).await
        })
        .await;
        let created = match created {
            Ok(created) => created,
            // One of them may be at fault: each gets a statement of its own.
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

/// Takes out every user whose account another entry in the list has: they will find the row made for that entry.
fn take_repeats(waiting: &mut Vec<Arriving>) -> Vec<Arriving> {
    let mut seen = HashSet::new();
    let (first, repeated) = std::mem::take(waiting).into_iter().partition(|one| {
        let sign_in = &one.question.sign_in;
        seen.insert((sign_in.uid.clone(), sign_in.issuer.clone()))
    });
    *waiting = first;
    repeated
}

/// Whether the server answered, and might answer otherwise to fewer users.
fn is_about_the_statement(error: &DatabaseError) -> bool {
    let (DatabaseError::Unavailable(cause) | DatabaseError::Refused(cause)) = error;
    cause.as_database_error().is_some()
}
