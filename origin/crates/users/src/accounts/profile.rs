//! Changes the displayed name and photo of a user, ends their sessions, and checks their password.

use database::run;
use firebase::FirebaseError;
use limits::Attempt;
use shared::ids::{FirebaseUid, UserId};

use crate::accounts::guess::ending;
use crate::accounts::handle::Accounts;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::user::{ActiveUser, UserError};
use crate::statements::accounts::{Credentials, Identifier};
use crate::statements::{accounts, users};

impl Accounts {
    /// Changes name and photo at Firebase, if there is an account, and here. `None` leaves a field as it is.
    ///
    /// # Errors
    /// A fault of ours; the call may then be repeated.
    pub async fn change_profile(
        &self,
        user: ActiveUser,
        display_name: Option<&str>,
        photo_url: Option<&str>,
    ) -> Result<ActiveUser, AccountError> {
        if let Some(uid) = &user.user().firebase_uid
            && self.is_managed(user.issuer()).await?
        {
            self.firebase.set_profile(uid, display_name, photo_url).await?;
        }
        let id = UserId(user.user().id);
        let changed = run(self.directory.pool(), |mut connection| async move {
            users::set_shown(&mut connection, id, display_name, photo_url).await
        });
        let record = changed.await?.ok_or(UserError::NotFound)?;
        Ok(user.renewed(record))
    }

    /// Voids every token of a user from now on.
    ///
    /// The row comes first, and it decides here. If Firebase cannot be notified now, that is retried later. Until then its refresh tokens
    /// still give ID tokens, which this service refuses: a refresh does not change `auth_time`.
    ///
    /// # Errors
    /// A fault of ours; the call may then be repeated.
    pub async fn revoke(&self, user: UserId, source: &RequestSource) -> Result<(), AccountError> {
        let actor = &Actor::user();
        run(self.directory.pool(), |mut connection| async move {
            accounts::revoke_sessions(&mut connection, user, actor, source).await
        })
        .await?;
        self.syncing().notify_soon(user).await;
        Ok(())
    }

    /// Checks that a user knows their password before their account is closed. A user whose account is gone at Firebase has proven it
    /// before: the closing was interrupted, and nothing could prove it again.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], also for users without a password; [`AccountError::SlowDown`], or a fault of ours.
    pub async fn prove_password(
        &self,
        user: UserId,
        password: &Password,
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        let attempt = self.attempt(&Identifier::Id(user), source).await?;
        let outcome = self.prove_admitted(user, password, &attempt).await;
        attempt.end(ending(&outcome));
        outcome
    }

    async fn prove_admitted(
        &self,
        user: UserId,
        password: &Password,
        attempt: &Attempt,
    ) -> Result<(), AccountError> {
        let known = self.own_credentials(user).await?;
        let turn = self.passwords.turn(attempt.whose()).await?;
        if known.firebase_uid.is_none() {
            return self.verify_stored(&known, password, turn).await;
        }
        if !self.is_managed(&known.issuer).await? {
            // Another project has their password: a recent sign-in proves the user instead.
            return Err(AccountError::WrongPassword);
        }
        let email = known.address().ok_or(AccountError::WrongPassword)?;
        match self.judge(&known, &email, password, turn).await {
            // Only the password must be proven; the session has shown the rest.
            Err(AccountError::Firebase(FirebaseError::SecondFactor(_))) => Ok(()),
            Err(AccountError::WrongPassword) if self.is_gone(&known).await? => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn is_gone(&self, linked: &Credentials) -> Result<bool, AccountError> {
        let uid = linked.firebase_uid.clone().map(FirebaseUid::parse);
        match uid {
            Some(Ok(uid)) if self.firebase.manages_accounts() => {
                Ok(self.firebase.find_account(&uid).await?.is_none())
            }
            _ => Ok(false),
        }
    }
}
