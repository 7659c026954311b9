//! The name and the photo that are shown of a user.

use database::run;
use firebase::FirebaseError;
use limits::Attempt;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};

use crate::accounts::Accounts;
use crate::accounts::guess::ending;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::user::{ActiveUser, UserError};
use crate::statements::accounts::{Credentials, Identifier};
use crate::statements::{accounts, users};

impl Accounts {
    /// Changes name and photo at Firebase, where there is an account, and here. What is `None` stays.
    ///
    /// # Errors
    /// A fault of ours; it may then be repeated.
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
    /// Here first, which is what counts for us: should Firebase not hear of it now, it is told later, and the ID tokens that its
    /// refresh tokens still bring are refused here, since refreshing does not move `auth_time`.
    ///
    /// # Errors
    /// A fault of ours; it may then be repeated.
    pub async fn revoke(&self, user: UserId, source: &RequestSource) -> Result<(), AccountError> {
        let actor = &Actor::user();
        run(self.directory.pool(), |mut connection| async move {
            accounts::revoke_sessions(&mut connection, user, actor, source).await
        })
        .await?;
        self.syncing().notify_soon(user).await;
        Ok(())
    }

    /// Proves that a user knows their password, so that their account may be closed. One whose account at Firebase is gone has done
    /// so before: closing broke off in between, and nothing could prove it again.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], also for users who have none; [`AccountError::SlowDown`], or a fault of ours.
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
        let who = &Identifier::Id(user);
        let known = run(self.directory.pool(), |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        })
        .await?
        .ok_or(UserError::NotFound)?;
        let turn = self.passwords.turn(attempt.whose()).await?;
        if known.firebase_uid.is_none() {
            let hash = known.password_hash.unwrap_or_default();
            let password = password.expose().to_owned();
            let right = self.passwords.verify(turn, password, &hash, user).await?;
            return right.then_some(()).ok_or(AccountError::WrongPassword);
        }
        if !self.is_managed(&known.issuer).await? {
            // Their password is at another project: a sign-in of a moment ago proves them instead.
            return Err(AccountError::WrongPassword);
        }
        let email = known
            .email
            .as_deref()
            .and_then(|email| NormalizedEmail::parse(email).ok())
            .ok_or(AccountError::WrongPassword)?;
        match self.judge(&known, &email, password, turn).await {
            // It is the password that is to be proven; the session has shown the rest.
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
