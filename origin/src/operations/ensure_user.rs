//! The person behind a proven identity: found, linked to an older account, or created at first sight.

use std::sync::Arc;

use shared::identity::{Identity, Subject};
use shared::ids::{FirebaseUid, UserId};
use uuid::Uuid;

use super::error::OperationError;
use crate::domain::sign_in::FirebaseSignIn;
use crate::domain::user::{ActiveUser, UserError, UserRecord};
use crate::domain::welcome::WelcomeGrant;
use crate::postgres::events::Origin;
use crate::postgres::users::{self, Arrival, FirstSight, NewUser};
use crate::postgres::{Pool, run};

/// How often we look again after another session got in between. One look suffices unless a third one interferes.
const MAX_LOOKS: u32 = 5;

/// The active person behind `identity`.
///
/// The common case, a known person who has not signed in anew, is one SELECT and writes nothing. A first sight is one
/// statement: row, welcome grant and audit event together, and those of others that wait as well. Who cannot be created, because
/// there is a row with their uid or address, is found, linked or refused by a second. A legacy identity names its row and never
/// creates one.
///
/// # Errors
/// [`UserError`] for people who are not served, else [`OperationError::Database`].
pub async fn ensure_user(
    pool: &Pool,
    identity: &Identity,
    welcome_tokens: i32,
    origin: &Origin,
) -> Result<ActiveUser, OperationError> {
    match &identity.subject {
        Subject::Legacy(id) => {
            let id = *id;
            let found = run(pool, |mut connection| async move {
                users::find_by_id(&mut connection, id).await
            })
            .await?;
            Ok(found.ok_or(UserError::NotFound)?.admit(identity)?)
        }
        Subject::Firebase(uid) => {
            for _ in 0..MAX_LOOKS {
                let look = match pool.find_by_firebase_uid(uid).await? {
                    Some(record) => sign_in(pool, identity, uid, record).await?,
                    None => first_sight(pool, identity, uid, welcome_tokens, origin).await?,
                };
                if let Some(record) = look {
                    return Ok(record.admit(identity)?);
                }
            }
            Err(OperationError::Contended("ensure_user"))
        }
    }
}

/// Notes the sign-in if the row does not know of it. Nothing is written for somebody who is not admitted.
async fn sign_in(
    pool: &Pool,
    identity: &Identity,
    uid: &FirebaseUid,
    record: UserRecord,
) -> Result<Option<UserRecord>, OperationError> {
    let signed_in = FirebaseSignIn::new(identity, uid);
    if !record.is_newer_sign_in(signed_in.signed_in_at) {
        return Ok(Some(record));
    }
    let record = record.admit(identity)?.into_record();
    let signed_in = &signed_in;
    let noted = run(pool, |mut connection| async move {
        users::record_sign_in(&mut connection, signed_in).await
    })
    .await;
    match noted {
        Ok(updated) => Ok(Some(updated.unwrap_or(record))),
        // Somebody else took the address at this very moment.
        Err(error) if error.violated_unique().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn first_sight(
    pool: &Pool,
    identity: &Identity,
    uid: &FirebaseUid,
    welcome_tokens: i32,
    origin: &Origin,
) -> Result<Option<UserRecord>, OperationError> {
    let id = UserId(Uuid::new_v4());
    let arrival = Arc::new(Arrival {
        sign_in: FirebaseSignIn::new(identity, uid),
        new: NewUser {
            id,
            welcome: WelcomeGrant::new(id, welcome_tokens),
        },
        origin: origin.clone(),
    });
    if let Some(record) = pool.create_at_first_sight(Arc::clone(&arrival)).await? {
        return Ok(Some(created(record)));
    }
    let arrival = &*arrival;
    let seen = run(pool, |mut connection| async move {
        users::first_sight(&mut connection, arrival).await
    })
    .await;
    match seen {
        Ok(FirstSight::Known(record)) => Ok(Some(record)),
        Ok(FirstSight::Created(record)) => Ok(Some(created(record))),
        Ok(FirstSight::Linked(record)) => {
            tracing::info!(user_id = %record.user.id, "local account linked to Firebase");
            Ok(Some(record))
        }
        Ok(FirstSight::Conflict) => Err(UserError::LinkConflict.into()),
        Ok(FirstSight::Disabled) => Err(UserError::Disabled.into()),
        Ok(FirstSight::Raced) => Ok(None),
        Err(error) if error.violated_unique().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn created(record: UserRecord) -> UserRecord {
    tracing::info!(user_id = %record.user.id, "user created at first sight");
    record
}
