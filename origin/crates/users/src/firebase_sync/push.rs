//! Notifies Firebase of changed account status, to keep deactivated users from signing in there too, and of addresses that the legacy
//! service changed.
//!
//! The row decides, and counts at once. A trigger records in the same transaction that a notification is pending. The code that changed the
//! row sends it at once; the background retries until it succeeds. Two rules keep the sides equal: one sender for a user at a time, and a
//! record that was renewed meanwhile is not settled.

use std::time::Duration;

use database::{DatabaseError, run};
use firebase::FirebaseError;
use firebase::role_claim::CannotClaim;
use shared::causes::Causes;
use shared::ids::{FirebaseUid, UserId};
use shared::time::UnixTime;
use uuid::Uuid;

use crate::audit::{self, Actor, RequestSource};
use crate::error::AccountError;
use crate::firebase_sync::{ACCOUNT_MISSING, Syncing};
use crate::statements::pushes;
use crate::statements::pushes::{AccountStatus, Push};
use crate::statements::syncs;

/// How long one sender holds a user, in seconds: an exchange of the access token (5 s), a look-up and an update with their repetitions (5 s
/// each).
const LEASE_SECONDS: i64 = 30;
/// How many users are claimed at once.
const BATCH: i64 = 20;
/// How often the notification is repeated for a user with a row that changes meanwhile.
const MAX_TURNS: u32 = 4;
/// How long a request that changed a row waits for the notification. The notification goes on after that.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// A revocation this young, in seconds, is not older than one that Firebase has made since.
const JUST_NOW_SECONDS: i64 = 2;

/// Whether Firebase knows the row's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notified {
    /// It does, or there is no account.
    Yes,
    /// Not yet: the background retries.
    Pending,
}

impl Syncing {
    /// Notifies Firebase of the row of `id`, if that is pending. Waits a moment; a longer notification goes on in the background.
    pub async fn notify_soon(&self, id: UserId) -> Notified {
        if !self.firebase.manages_accounts() {
            return self.unless_pending(id).await;
        }
        let syncing = self.clone();
        let telling = tokio::spawn(async move {
            syncing.notify(id).await.unwrap_or_else(|error| {
                tracing::warn!(
                    user_id = %id,
                    error = %Causes(&error),
                    "Firebase could not be notified of a changed account status; retrying"
                );
                Notified::Pending
            })
        });
        match tokio::time::timeout(PATIENCE, telling).await {
            Ok(Ok(told)) => told,
            _ => Notified::Pending,
        }
    }

    /// Notifies Firebase of the row of `id`, if that is pending and no other task does so.
    ///
    /// # Errors
    /// A fault of ours or of Firebase; it is retried.
    pub async fn notify(&self, id: UserId) -> Result<Notified, AccountError> {
        for _ in 0..MAX_TURNS {
            let claimed = run(self.directory.pool(), |mut connection| async move {
                pushes::claim(&mut connection, Some(id), 1, LEASE_SECONDS).await
            });
            let Some(push) = claimed.await?.pop() else {
                break;
            };
            if self.tell_one(&push).await? {
                return Ok(Notified::Yes);
            }
        }
        Ok(self.unless_pending(id).await)
    }

    /// Sends the notifications that are due; answers their number. Stops while Firebase is away, and begins the next time with those that
    /// were not tried: an account that Firebase always fails for delays the others by one round.
    ///
    /// # Errors
    /// A fault of ours or of Firebase; the background retries the affected users.
    pub async fn notify_due(&self) -> Result<u64, AccountError> {
        let mut told: u64 = 0;
        loop {
            let claimed = run(self.directory.pool(), |mut connection| async move {
                pushes::claim(&mut connection, None, BATCH, LEASE_SECONDS).await
            })
            .await?;
            if claimed.is_empty() {
                return Ok(told);
            }
            let mut rest = claimed.iter();
            while let Some(push) = rest.next() {
                match self.tell_one(push).await {
                    Ok(_) => told = told.saturating_add(1),
                    Err(error) if is_about_one(&error) => tracing::warn!(
                        user_id = %push.id,
                        error = %Causes(&error),
                        "Firebase refuses a changed account status"
                    ),
                    Err(error) => {
                        let ids: &Vec<Uuid> = &rest.map(|push| push.id.0).collect();
                        run(self.directory.pool(), |mut connection| async move {
                            pushes::put_back(&mut connection, ids).await
                        })
                        .await?;
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Notifies Firebase of one user. `false` when the row changed meanwhile.
    async fn tell_one(&self, push: &Push) -> Result<bool, AccountError> {
        let id = push.id;
        let issuer = &self.managed_issuer().await?;
        let status = run(self.directory.pool(), |mut connection| async move {
            pushes::account_status(&mut connection, id, issuer).await
        });
        let Some(status) = status.await? else {
            run(self.directory.pool(), |mut connection| async move {
                pushes::forget(&mut connection, push).await
            })
            .await?;
            return Ok(true);
        };
        let announced = match self.announce(&status, push.switches).await {
            Ok(()) if push.moves_address => self.announce_address(id, &status).await?,
            announced => announced,
        };
        let is_missing = match announced {
            Ok(()) => false,
            Err(FirebaseError::NotFound) => true,
            Err(error) => {
                self.could_not_tell(&[id.0], error.code().as_str()).await?;
                return Err(error.into());
            }
        };
        let settled = run(self.directory.pool(), |mut connection| async move {
            let settled = pushes::settle(&mut connection, push).await?;
            if !settled {
                pushes::release(&mut connection, id).await?;
            }
            Ok(settled)
        });
        let settled = settled.await?;
        if is_missing && settled {
            // For a deactivated user this means nothing: nobody can sign in to an account that is gone.
            run(self.directory.pool(), |mut connection| async move {
                syncs::failed(&mut connection, &[id.0], ACCOUNT_MISSING).await
            })
            .await?;
        }
        Ok(settled)
    }

    async fn announce(&self, status: &AccountStatus, switches: bool) -> Result<(), FirebaseError> {
        let uid = FirebaseUid::parse(status.firebase_uid.clone()).map_err(|_| FirebaseError::NotFound)?;
        let disabled = match (status.is_active, switches) {
            (false, _) => Some(true),
            (true, true) => Some(false),
            (true, false) => None,
        };
        let valid_since = match status.valid_since {
            Some(moment) => self.unless_voided_since(&uid, moment).await?,
            None => None,
        };
        if disabled.is_some() || valid_since.is_some() {
            self.firebase
                .set_standing(uid.as_str(), disabled, valid_since)
                .await?;
        }
        self.announce_role(&uid, &status.user_type).await
    }

    /// Gives the account the row's address, unless it has it: Firebase's own changes reach the row by a sign-in or a sync. If Firebase
    /// refuses it (another account has it, or it is invalid), that is recorded once, and the account keeps its own.
    async fn announce_address(
        &self,
        id: UserId,
        status: &AccountStatus,
    ) -> Result<Result<(), FirebaseError>, DatabaseError> {
        let kind = match self.move_address(status).await {
            Ok(false) => return Ok(Ok(())),
            Ok(true) => "address.told",
            Err(FirebaseError::EmailExists | FirebaseError::Invalid(_)) => "address.refused",
            Err(error) => return Ok(Err(error)),
        };
        run(self.directory.pool(), |mut connection| async move {
            audit::note(
                &mut connection,
                kind,
                id,
                &Actor::origin(),
                &RequestSource::default(),
            )
            .await
        })
        .await
        .map(Ok)
    }

    /// `false` when there was nothing to do.
    async fn move_address(&self, status: &AccountStatus) -> Result<bool, FirebaseError> {
        let Some(email) = status.email.as_deref().filter(|_| status.is_active) else {
            return Ok(false);
        };
        let uid = FirebaseUid::parse(status.firebase_uid.clone()).map_err(|_| FirebaseError::NotFound)?;
        let account = self.firebase.find_account(&uid).await?;
        let account = account.ok_or(FirebaseError::NotFound)?;
        let has_it = account
            .email
            .is_some_and(|known| known.to_lowercase() == email.to_lowercase());
        if has_it {
            return Ok(false);
        }
        self.firebase
            .set_address(uid.as_str(), email)
            .await
            .map(|()| true)
    }

    /// Writes the role beside the account's other claims, if roles are configured.
    async fn announce_role(&self, uid: &FirebaseUid, user_type: &str) -> Result<(), FirebaseError> {
        let Some(claim) = self.firebase.role_claim() else {
            return Ok(());
        };
        let claims = self.firebase.claims(uid).await?;
        match claim.beside(claims.as_deref(), user_type) {
            Ok(None) => Ok(()),
            Ok(Some(claims)) => self.firebase.set_claims(uid, &claims).await,
            Err(CannotClaim::TooLarge) => Err(FirebaseError::Invalid(
                "room for the role among the account's claims",
            )),
            Err(CannotClaim::NotClaims) => Err(FirebaseError::Invalid("form of the account's claims")),
        }
    }

    /// `moment`, unless Firebase has voided later sign-ins: a password replaced there does so, and that must not be undone.
    async fn unless_voided_since(
        &self,
        uid: &FirebaseUid,
        moment: UnixTime,
    ) -> Result<Option<UnixTime>, FirebaseError> {
        if (self.clock)().since(moment) <= JUST_NOW_SECONDS {
            return Ok(Some(moment));
        }
        let account = self.firebase.find_account(uid).await?;
        let account = account.ok_or(FirebaseError::NotFound)?;
        Ok(Some(moment).filter(|moment| account.valid_since.is_none_or(|since| since < *moment)))
    }

    async fn unless_pending(&self, id: UserId) -> Notified {
        let pending = run(self.directory.pool(), |mut connection| async move {
            pushes::is_pending(&mut connection, id).await
        });
        match pending.await {
            Ok(false) => Notified::Yes,
            _ => Notified::Pending,
        }
    }

    async fn could_not_tell(&self, ids: &[Uuid], code: &str) -> Result<(), DatabaseError> {
        run(self.directory.pool(), |mut connection| async move {
            pushes::failed(&mut connection, ids, code).await
        })
        .await
    }
}

/// Whether the next user may succeed.
fn is_about_one(error: &AccountError) -> bool {
    match error {
        AccountError::Firebase(FirebaseError::Refused { .. }) => true,
        AccountError::Firebase(error) => error.is_the_callers(),
        AccountError::Operation(_) | AccountError::Token(_) | AccountError::TooBusy(_) => false,
        _ => true,
    }
}
