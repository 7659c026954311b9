//! Look-ups of users by uid. Most requests begin with one, and PostgreSQL spends more on a statement than on a row. One worker answered 1.2
//! times as many as two (docs/PERFORMANCE.md).

use std::collections::HashMap;

use database::{Batch, Pool, Waiting, read};
use firebase::issuer::StoredIssuer;
use shared::ids::FirebaseUid;

use crate::rules::user::UserRecord;
use crate::statements::users;

/// Looks users up in this database.
pub(super) struct Lookups(pub Pool);

/// The account in a token: its uid and the issuer.
type Account = (FirebaseUid, StoredIssuer);

type LookUp = Waiting<Account, Option<UserRecord>>;

impl Batch for Lookups {
    type Question = Account;
    type Answer = Option<UserRecord>;

    async fn answer(&self, waiting: Vec<LookUp>) {
        match waiting.len() {
            0 => {}
            1 => {
                for one in waiting {
                    let (uid, issuer) = &one.question;
                    let found = read(&self.0, |mut connection| async move {
                        users::find_by_firebase_uid(&mut connection, uid, issuer).await
                    })
                    .await;
                    one.reply(found);
                }
            }
            _ => answer_together(&self.0, waiting).await,
        }
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
            // The statement also read the same uid of other issuers, which belongs to other users.
            let records: HashMap<(&str, &StoredIssuer), &UserRecord> = records
                .iter()
                .filter_map(|record| Some(((record.user.firebase_uid.as_deref()?, &record.issuer), record)))
                .collect();
            for one in waiting {
                let (uid, issuer) = &one.question;
                let record = records
                    .get(&(uid.as_str(), issuer))
                    .map(|record| UserRecord::clone(record));
                one.reply(Ok(record));
            }
        }
        Err(error) => {
            for one in waiting {
                one.reply(Err(error.clone()));
            }
        }
    }
}
