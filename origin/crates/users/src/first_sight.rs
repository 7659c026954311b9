//! Finds the user behind a proven identity: known, linked to an older row, or created at first sight.

use std::sync::Arc;

use database::run;
use firebase::issuer::{Issuer, StoredIssuer};
use shared::causes::Causes;
use shared::identity::{Identity, Subject};
use shared::ids::UserId;
use shared::ownership::{self, Account, Address, Step, Way};
use uuid::Uuid;

use crate::audit::RequestSource;
use crate::directory::{Directory, Named};
use crate::error::OperationError;
use crate::proofs::Proofs;
use crate::rules::sign_in::FirebaseSignIn;
use crate::rules::user::{ActiveUser, UserError, UserRecord};
use crate::rules::welcome::WelcomeGrant;
use crate::statements::legacy_hash;
use crate::statements::legacy_hash::SetAside;
use crate::statements::users;
use crate::statements::users::{Arrival, FirstSight, NewUser};
use crate::welcome::welcome_proven;

/// How often the look-up is repeated after another session interfered. One repetition suffices unless a third session interferes.
const MAX_LOOKS: u32 = 5;

/// The active user behind `identity`.
///
/// The common case, a known user without a new sign-in, is one SELECT and writes nothing. A first sight is one statement: row, welcome
/// grant and audit event together, shared with other waiting users. If the statement creates no row, because one has the uid or the
/// address, a second statement finds it, links it or refuses. A legacy identity names its row and never creates one. Firebase is asked
/// about an account only when a mail proves its address, once in the life of a row.
///
/// # Errors
/// [`UserError`] for users who are refused, else [`OperationError::Database`].
pub async fn ensure_user(
    directory: &Directory,
    proofs: &Proofs,
    identity: &Identity,
    welcome_tokens: i32,
    source: &RequestSource,
) -> Result<ActiveUser, OperationError> {
    match &identity.subject {
        Subject::Legacy(id) => {
            let id = *id;
            let found = run(directory.pool(), |mut connection| async move {
                users::find_by_id(&mut connection, id).await
            })
            .await?;
            Ok(found.ok_or(UserError::NotFound)?.admit(identity)?)
        }
        Subject::Firebase(uid) => {
            let issuer = match Issuer::of(identity) {
                Some(issuer) => directory.stored_issuer(&issuer).await?,
                None => StoredIssuer::HOME,
            };
            let issuer = &issuer;
            for _ in 0..MAX_LOOKS {
                let look = match directory.find_by_firebase_uid(uid, issuer).await? {
                    Some(record) => {
                        sign_in(directory, proofs, identity, welcome_tokens, record, source).await?
                    }
                    None => {
                        let signed_in = FirebaseSignIn::new(identity, uid, issuer);
                        first_sight(directory, identity, signed_in, welcome_tokens, source).await?
                    }
                };
                if let Some(record) = look {
                    return Ok(record.admit(identity)?);
                }
            }
            Err(OperationError::Contended("ensure_user"))
        }
    }
}

/// Records the sign-in and its proof, if the row does not know of it. Writes nothing for a refused user.
async fn sign_in(
    directory: &Directory,
    proofs: &Proofs,
    identity: &Identity,
    welcome_tokens: i32,
    record: UserRecord,
    source: &RequestSource,
) -> Result<Option<UserRecord>, OperationError> {
    let Some(signed_in) = news(directory, proofs, identity, &record).await else {
        return Ok(Some(record));
    };
    let record = record.admit(identity)?.into_record();
    let signed_in = &signed_in;
    let noted = run(directory.pool(), |mut connection| async move {
        users::record_sign_in(&mut connection, signed_in, source).await
    })
    .await;
    note_second_factor(directory, identity, record.user.id).await?;
    match noted {
        Ok(Some(updated)) => {
            if updated.valid_since != record.valid_since {
                tracing::info!(user_id = %updated.user.id, "ownership changed: the address was proven");
            }
            if has_proven(&record, &updated) {
                return Ok(Some(welcome(directory, updated, welcome_tokens).await));
            }
            Ok(Some(updated))
        }
        Ok(None) => Ok(Some(record)),
        // Another user took the address at the same moment.
        Err(error) if error.violated_unique().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The sign-in, if it has news for the row: a new sign-in or a proof. The legacy service writes `last_login` as well; a proof therefore
/// counts even if it is older than that.
async fn news(
    directory: &Directory,
    proofs: &Proofs,
    identity: &Identity,
    record: &UserRecord,
) -> Option<FirebaseSignIn> {
    let (signed_in, is_newer, may_prove) = compare(identity, record)?;
    if !may_prove {
        return is_newer.then_some(signed_in);
    }
    if signed_in.way() != Way::Mail {
        return Some(signed_in);
    }
    // Another project's account cannot be looked up: in ours its uid is another user's.
    let managed = directory.stored_issuer(&proofs.issuer()).await;
    let facts = match managed {
        Ok(managed) if managed == record.issuer => proofs.ask(&signed_in.uid).await,
        _ => None,
    };
    match (facts, is_newer) {
        (Some(facts), _) => {
            Some(signed_in.judged_by(Some(facts))).filter(|judged| is_newer || judged.proves())
        }
        // It is unknown what proved the address. A sign-in after the proof counts as its owner's; an older, refreshed one does not.
        (None, true) => Some(signed_in),
        (None, false) => None,
    }
}

/// The sign-in, whether the row does not know of it yet, and whether it may prove something.
fn compare(identity: &Identity, record: &UserRecord) -> Option<(FirebaseSignIn, bool, bool)> {
    let uid = identity.firebase_uid()?;
    let signed_in = FirebaseSignIn::new(identity, uid, &record.issuer);
    let is_newer = record.is_newer_sign_in(signed_in.signed_in_at);
    let address = record.address(signed_in.email.as_ref());
    // For another address, only the row's last change of ownership shows whether the row knows this proof.
    let is_known = address == Address::Different && record.valid_since >= Some(identity.auth_time);
    let step = ownership::step(record.state(), Account::Own, address, signed_in.proof);
    let may_prove = matches!(step, Step::Prove | Step::Change) && (!is_known || is_newer);
    Some((signed_in, is_newer, may_prove))
}

/// The active user behind `identity` as a replica knows them, which may be some seconds old. A replica can only let users in: the primary
/// decides about a user who is unknown or refused there, and about a sign-in that must be recorded.
pub async fn find_active(directory: &Directory, identity: &Identity) -> Option<ActiveUser> {
    if !directory.has_replica() {
        return None;
    }
    let named = match &identity.subject {
        Subject::Legacy(id) => Named::Row(*id),
        Subject::Firebase(uid) => {
            let issuer = match Issuer::of(identity) {
                Some(issuer) => directory.stored_issuer(&issuer).await.ok()?,
                None => StoredIssuer::HOME,
            };
            Named::Account(uid.clone(), issuer)
        }
    };
    let record = directory.find_recent(named).await?;
    let has_news = compare(identity, &record).is_some_and(|(_, is_newer, may_prove)| is_newer || may_prove);
    if has_news {
        return None;
    }
    record.admit(identity).ok()
}

async fn first_sight(
    directory: &Directory,
    identity: &Identity,
    sign_in: FirebaseSignIn,
    welcome_tokens: i32,
    source: &RequestSource,
) -> Result<Option<UserRecord>, OperationError> {
    let id = UserId(Uuid::new_v4());
    let arrival = Arc::new(Arrival {
        sign_in,
        new: NewUser {
            id,
            welcome: WelcomeGrant::new(id, welcome_tokens),
        },
        source: source.clone(),
    });
    if let Some(record) = directory.create_at_first_sight(Arc::clone(&arrival)).await? {
        return Ok(Some(created(record)));
    }
    let arrival = &*arrival;
    let seen = run(directory.pool(), |mut connection| async move {
        users::first_sight(&mut connection, arrival).await
    })
    .await;
    match seen {
        // The code for known users judges the sign-in's proof.
        Ok(FirstSight::Known(_) | FirstSight::Raced) => Ok(None),
        Ok(FirstSight::Created(record)) => Ok(Some(created(record))),
        Ok(FirstSight::Linked(record)) => {
            tracing::info!(user_id = %record.user.id, "local account linked to Firebase");
            note_second_factor(directory, identity, record.user.id).await?;
            Ok(Some(record))
        }
        Ok(FirstSight::Conflict) => Err(UserError::LinkConflict.into()),
        Ok(FirstSight::Disabled) => Err(UserError::Disabled.into()),
        Err(error) if error.violated_unique().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Voids the legacy password of a user with a second factor, which the legacy service would not require.
async fn note_second_factor(
    directory: &Directory,
    identity: &Identity,
    id: Uuid,
) -> Result<(), OperationError> {
    if identity.second_factor.is_none() {
        return Ok(());
    }
    run(directory.pool(), |mut connection| async move {
        legacy_hash::set_aside(&mut connection, UserId(id), SetAside::SecondFactor).await
    })
    .await?;
    Ok(())
}

fn created(record: UserRecord) -> UserRecord {
    tracing::info!(user_id = %record.user.id, "user created at first sight");
    record
}

/// Whether an address was proven between `before` and `after`.
fn has_proven(before: &UserRecord, after: &UserRecord) -> bool {
    let (before, after) = (&before.user, &after.user);
    after.email_verified && (!before.email_verified || before.email != after.email)
}

/// `record` with the welcome for a proven address. A trigger has recorded that it is due: if this fails, the background grants it.
async fn welcome(directory: &Directory, record: UserRecord, tokens: i32) -> UserRecord {
    match welcome_proven(directory.pool(), UserId(record.user.id), tokens).await {
        Ok(given) => given.unwrap_or(record),
        Err(error) => {
            tracing::warn!(error = %Causes(&error), "welcome tokens are given later");
            record
        }
    }
}
