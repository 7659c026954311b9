//! Look-ups of people by uid. Most requests begin with one, and PostgreSQL spends more on a statement than on a row.

use std::collections::HashMap;

use shared::ids::FirebaseUid;

use super::Pool;
use super::lanes::{Answer, Lane, Lanes, Waiting};
use crate::domain::issuer::StoredIssuer;
use crate::domain::user::UserRecord;
use crate::postgres::{read, users};

/// How many statements run at once: with one lane 1.2 times as many look-ups were answered as with two (docs/PERFORMANCE.md).
const LANES: usize = 1;

/// The look-ups that wait.
pub(super) struct Lookups(Lanes<Account, Option<UserRecord>>);

/// Whom a token names: its uid, and who issued it.
type Account = (FirebaseUid, StoredIssuer);

type LookUp = Waiting<Account, Option<UserRecord>>;

impl Default for Lookups {
    fn default() -> Self {
        Self(Lanes::new(LANES))
    }
}

impl Lookups {
    pub(super) async fn find(
        &self,
        pool: &Pool,
        uid: &FirebaseUid,
        issuer: &StoredIssuer,
    ) -> Answer<Option<UserRecord>> {
        let begin = || drop(tokio::spawn(work(pool.clone())));
        self.0.ask((uid.clone(), issuer.clone()), begin).await
    }
}

/// A task that looks people up until nobody waits.
async fn work(pool: Pool) {
    let mut lane = Lane::default();
    while let Some(waiting) = pool.0.lookups.0.next(&mut lane) {
        answer(&pool, waiting).await;
    }
}

async fn answer(pool: &Pool, waiting: Vec<LookUp>) {
    match waiting.len() {
        0 => {}
        1 => {
            for one in waiting {
                let (uid, issuer) = &one.question;
                let found = read(pool, |mut connection| async move {
                    users::find_by_firebase_uid(&mut connection, uid, issuer).await
                })
                .await;
                let _gone = one.reply.send(found);
            }
        }
        _ => answer_together(pool, waiting).await,
    }
}

async fn answer_together(pool: &Pool, waiting: Vec<LookUp>) {
    let uids: Vec<String> = waiting
        .iter()
        .map(|one| one.question.0.as_str().to_owned())
        .collect();
    let uids = uids.as_slice();
    let found = read(pool, |mut connection| async move {
        users::find_by_firebase_uids(&mut connection, uids).await
    })
    .await;
    match found {
        Ok(records) => {
            // The same uid of another issuer was read, too, and is another user's.
            let records: HashMap<(&str, &StoredIssuer), &UserRecord> = records
                .iter()
                .filter_map(|record| Some(((record.user.firebase_uid.as_deref()?, &record.issuer), record)))
                .collect();
            for Waiting { question, reply } in waiting {
                let (uid, issuer) = &question;
                let record = records
                    .get(&(uid.as_str(), issuer))
                    .map(|record| UserRecord::clone(record));
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
