//! Look-ups of users on a replica; waiting ones share a statement.

use std::collections::HashMap;

use database::{Batch, Replica, Waiting};
use firebase::issuer::StoredIssuer;
use shared::ids::{FirebaseUid, UserId};

use crate::rules::user::UserRecord;
use crate::statements::users;

/// Looks users up on this replica.
pub(super) struct RecentLookups(pub Replica);

/// The user whom a token names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Named {
    /// By a uid and its issuer.
    Account(FirebaseUid, StoredIssuer),
    /// By our id.
    Row(UserId),
}

impl Batch for RecentLookups {
    type Question = Named;
    /// `None` when the caller must ask the primary.
    type Answer = Option<UserRecord>;

    async fn answer(&self, waiting: Vec<Waiting<Named, Option<UserRecord>>>) {
        let (mut uids, mut ids) = (Vec::new(), Vec::new());
        for one in &waiting {
            match &one.question {
                Named::Account(uid, _) => uids.push(uid.as_str().to_owned()),
                Named::Row(id) => ids.push(id.0),
            }
        }
        let (uids, ids, origin) = (uids.as_slice(), ids.as_slice(), self.0.origin());
        let found = self.0.read(|mut connection| async move {
            users::find_on_replica(&mut connection, origin, uids, ids).await
        });
        let records = found.await.unwrap_or_default();
        let mut by_name: HashMap<Named, &UserRecord> = HashMap::new();
        for record in &records {
            by_name.insert(Named::Row(UserId(record.user.id)), record);
            let uid = record.user.firebase_uid.clone().map(FirebaseUid::parse);
            if let Some(Ok(uid)) = uid {
                by_name.insert(Named::Account(uid, record.issuer.clone()), record);
            }
        }
        for one in waiting {
            let record = by_name.get(&one.question).map(|record| UserRecord::clone(record));
            one.reply(Ok(record));
        }
    }
}
