//! Replaces a password by a user who knows the old one.

use database::run;
use firebase::FirebaseError;
use limits::Attempt;
use shared::ids::UserId;

use crate::accounts::guess::ending;
use crate::accounts::handle::Accounts;
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::statements::accounts;
use crate::statements::accounts::{Identifier, LegacyHash};

impl Accounts {
    /// Replaces the password everywhere: at Firebase once linked, and in the row while the legacy service may still check it. Otherwise the
    /// old one would keep working on one side. An interrupted call may be repeated.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`] when `current` is not theirs, [`AccountError::SlowDown`], or a fault of ours.
    pub async fn change_password(
        &self,
        user: UserId,
        current: &Password,
        new: &Password,
        source: &RequestSource,
    ) -> Result<(), AccountError> {
        let attempt = self.attempt(&Identifier::Id(user), source).await?;
        let outcome = self.change_admitted(user, current, new, source, &attempt).await;
        attempt.end(ending(&outcome));
        outcome
    }

    async fn change_admitted(
        &self,
        user: UserId,
        current: &Password,
        new: &Password,
        source: &RequestSource,
        attempt: &Attempt,
    ) -> Result<(), AccountError> {
        let known = self.own_credentials(user).await?;
        if known.firebase_uid.is_some() && !self.is_managed(&known.issuer).await? {
            return Err(AccountError::WrongPassword);
        }
        let turn = self.passwords.turn(attempt.whose()).await?;
        match (&known.firebase_uid, known.address()) {
            (Some(uid), Some(email)) => match self.judge(&known, &email, current, turn).await {
                Ok(_) | Err(AccountError::Firebase(FirebaseError::SecondFactor(_))) => {
                    self.firebase.set_password(uid, new.expose()).await?;
                }
                // This may be the repeat of a change that Firebase accepted and the row did not: the row has the hash of the old password,
                // and the user knows it. Not if the legacy service replaced the hash: Firebase's password is then the old one and must not
                // return this way.
                Err(AccountError::WrongPassword) if known.legacy_hash == LegacyHash::Agrees => {
                    let turn = self.passwords.turn(attempt.whose()).await?;
                    self.verify_stored(&known, current, turn).await?;
                    self.is_accepted(&email, new).await?;
                }
                Err(error) => return Err(error),
            },
            // The user signed in by phone or anonymously: there is no password.
            (Some(_), None) => return Err(AccountError::WrongPassword),
            (None, _) => self.verify_stored(&known, current, turn).await?,
        }
        if known.password_hash.is_some() {
            let hash = &self.passwords.hash(new.expose().to_owned()).await?;
            run(self.directory.pool(), |mut connection| async move {
                accounts::set_password_hash(&mut connection, user, hash, source).await
            })
            .await?;
        }
        Ok(())
    }
}
