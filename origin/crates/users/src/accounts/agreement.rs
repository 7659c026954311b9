//! The two copies of a moved user's password: Firebase's, which counts, and the hash in the row, which the legacy service still checks and
//! replaces. A change on either side is copied to the other, or refused; the two never differ unnoticed.
//!
//! While they agree, Firebase decides. If the legacy service has replaced its hash since, that is the newer password, unless Firebase's was
//! replaced after that too. Only Firebase's own page does so without notifying us.

use database::run;
use firebase::{FirebaseError, SignedIn};
use shared::causes::Causes;
use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::Deed;

use crate::accounts::handle::Accounts;
use crate::audit;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::passwords::Turn;
use crate::rules::credentials::Password;
use crate::rules::user::UserError;
use crate::statements::accounts::{Credentials, LegacyHash};
use crate::statements::legacy_hash;

/// How far Google's clock may differ from ours, in seconds.
pub(super) const CLOCKS_DIFFER_SECONDS: i64 = 30;

impl Accounts {
    /// A new sign-in of a linked user, if `password` is theirs.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], or a fault of ours.
    pub(super) async fn judge(
        &self,
        linked: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        turn: Turn,
    ) -> Result<SignedIn, AccountError> {
        if !self.is_managed(&linked.issuer).await? {
            drop(turn);
            return Ok(self.firebase.sign_in(email, password.expose()).await?);
        }
        match (linked.legacy_hash, &linked.password_hash) {
            (LegacyHash::Replaced { agreed_at }, Some(hash)) => {
                self.settle(linked, email, password, (hash, agreed_at), turn)
                    .await
            }
            (LegacyHash::Agrees, Some(hash)) if !linked.is_active => {
                self.judge_deactivated(linked, email, password, hash, turn).await
            }
            (LegacyHash::Agrees, Some(hash)) => {
                drop(turn);
                let tokens = self.firebase.sign_in(email, password.expose()).await?;
                self.renew_hash_in_background(linked, hash.clone(), password);
                Ok(tokens)
            }
            _ => {
                drop(turn);
                Ok(self.firebase.sign_in(email, password.expose()).await?)
            }
        }
    }

    /// Firebase does not check the password of a disabled account. Our hash decides whether the caller may learn of the deactivation. The
    /// check runs at the same time, as for users who have not moved.
    async fn judge_deactivated(
        &self,
        linked: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        hash: &str,
        turn: Turn,
    ) -> Result<SignedIn, AccountError> {
        let (right, asked) = tokio::join!(
            self.passwords
                .verify(turn, password.expose().to_owned(), hash, linked.id),
            self.firebase.sign_in(email, password.expose()),
        );
        match (right?, asked) {
            (true, Err(FirebaseError::Disabled)) => Err(UserError::Disabled.into()),
            (_, outcome) => Ok(outcome?),
        }
    }

    /// The legacy service has replaced its hash. Both sides are asked at once: the time of the answer must not reveal this case.
    async fn settle(
        &self,
        linked: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        (hash, agreed_at): (&str, i64),
        turn: Turn,
    ) -> Result<SignedIn, AccountError> {
        let Some(uid) = linked.firebase_uid.as_deref() else {
            return Err(AccountError::WrongPassword);
        };
        let (at_legacy, at_firebase) = tokio::join!(
            self.passwords
                .verify(turn, password.expose().to_owned(), hash, linked.id),
            self.firebase.sign_in(email, password.expose()),
        );
        match (at_legacy?, at_firebase) {
            (true, Ok(tokens)) => {
                self.note_agreement(linked, hash).await?;
                Ok(tokens)
            }
            (true, Err(FirebaseError::InvalidCredentials)) => {
                // The user may have proven the address at Firebase since, without a sign-in here.
                let vouched = match FirebaseUid::parse(uid) {
                    Ok(uid) => self.is_vouched_for(&uid).await?,
                    Err(_) => true,
                };
                if !linked.may(Deed::SetFirebasePassword, vouched) {
                    return Err(AccountError::WrongPassword);
                }
                self.firebase.set_password(uid, password.expose()).await?;
                self.note_agreement(linked, hash).await?;
                self.note_change(linked).await?;
                tracing::info!(user_id = %linked.id, "a password changed at the legacy service was taken over");
                Ok(self.firebase.sign_in(email, password.expose()).await?)
            }
            // The password is Firebase's, and the account needs a second factor. The age of the password decides as without one.
            (false, Err(FirebaseError::SecondFactor(_)))
                if !self.firebase_is_newer(uid, agreed_at).await? =>
            {
                Err(AccountError::WrongPassword)
            }
            (true, Err(FirebaseError::SecondFactor(pending))) => {
                self.note_agreement(linked, hash).await?;
                Err(FirebaseError::SecondFactor(pending).into())
            }
            (false, Ok(tokens)) if self.firebase_is_newer(uid, agreed_at).await? => {
                self.renew_hash_in_background(linked, hash.to_owned(), password);
                Ok(tokens)
            }
            (true, Err(FirebaseError::Disabled)) => Err(UserError::Disabled.into()),
            // Firebase has the password from before the change at the legacy service: it is no longer the user's.
            (false, Ok(_) | Err(FirebaseError::InvalidCredentials)) => Err(AccountError::WrongPassword),
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// Whether Firebase's password was replaced after the two last agreed.
    async fn firebase_is_newer(&self, uid: &str, agreed_at: i64) -> Result<bool, AccountError> {
        let Ok(uid) = FirebaseUid::parse(uid) else {
            return Ok(false);
        };
        let account = self.firebase.find_account(&uid).await?;
        let replaced_at = account.and_then(|account| account.password_updated_at);
        Ok(replaced_at.is_some_and(|at| at > agreed_at.saturating_add(CLOCKS_DIFFER_SECONDS)))
    }

    /// The user chose a new password elsewhere: older tokens can no longer be exchanged for a session.
    async fn note_change(&self, linked: &Credentials) -> Result<(), AccountError> {
        let actor = &Actor::user();
        Ok(run(self.directory.pool(), |mut connection| async move {
            audit::note(
                &mut connection,
                "password.changed",
                linked.id,
                actor,
                &RequestSource::default(),
            )
            .await
        })
        .await?)
    }

    async fn note_agreement(&self, linked: &Credentials, hash: &str) -> Result<(), AccountError> {
        Ok(run(self.directory.pool(), |mut connection| async move {
            legacy_hash::note_agreement(&mut connection, linked.id, hash).await
        })
        .await?)
    }

    /// `password` is the one at Firebase. If the row's hash, `seen`, belongs to another password, Firebase's own page replaced the
    /// password, and the legacy service must not accept the old one. The check runs after the answer, when the processor is idle.
    fn renew_hash_in_background(&self, linked: &Credentials, seen: String, password: &Password) {
        let (accounts, id, password) = (self.clone(), linked.id, password.clone());
        tokio::spawn(async move {
            let same = accounts
                .passwords
                .verify_if_idle(password.expose().to_owned(), &seen, id)
                .await;
            if same != Some(false) {
                return;
            }
            let Ok(hash) = accounts.passwords.hash(password.expose().to_owned()).await else {
                return;
            };
            let (seen, hash) = (&seen, &hash);
            let renewed = run(accounts.directory.pool(), |mut connection| async move {
                legacy_hash::replace(&mut connection, id, seen, hash).await
            });
            match renewed.await {
                Ok(true) => {
                    tracing::info!(user_id = %id, "the legacy service's hash follows Firebase's password");
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = %Causes(&error),
                    "the legacy service's hash could not be renewed"
                ),
            }
        });
    }
}
