//! Gives a session at Firebase to a user who is signed in at the legacy service.

use database::run;
use firebase::FirebaseError;
use shared::ids::{FirebaseUid, UserId};
use shared::ownership::Deed;
use shared::time::UnixTime;

use crate::accounts::agreement::CLOCKS_DIFFER_SECONDS;
use crate::accounts::handle::{Accounts, SignedInUser};
use crate::audit;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::importable::importable;
use crate::rules::user::{ActiveUser, UserError};
use crate::statements::accounts::Credentials;

impl Accounts {
    /// Signs `user`, whom a legacy token of `issued_at` proves, in at Firebase: they move without typing a password. A user without an
    /// account there gets one first, with their hash.
    ///
    /// # Errors
    /// [`UserError::Revoked`] when the password was changed on either side after the token was issued, or may have been, or is not
    /// Firebase's: the legacy service accepts such a token until it expires, and an endless session must not come of it.
    /// [`UserError::NotFound`] when the account is gone at Firebase, [`UserError::LinkConflict`] when another one there has the address,
    /// [`FirebaseError::Invalid`] for a user with a hash that Firebase cannot read, or a fault of ours.
    pub async fn exchange(
        &self,
        user: &ActiveUser,
        issued_at: UnixTime,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let id = UserId(user.user().id);
        let changed = run(self.directory.pool(), |mut connection| async move {
            audit::password_changed_since(&mut connection, id, issued_at).await
        });
        if changed.await? {
            return Err(UserError::Revoked.into());
        }
        let mut known = self.own_credentials(id).await?;
        if known.firebase_uid.is_none() {
            self.bring(&known, source).await?;
            known = self.own_credentials(id).await?;
        }
        if !self.is_managed(&known.issuer).await? {
            // We cannot make a session at a project that we do not manage; in ours, the same uid may belong to another user.
            return Err(UserError::LinkConflict.into());
        }
        let uid = known.firebase_uid.clone().ok_or(UserError::LinkConflict)?;
        let uid = self.existing(uid, &known, issued_at).await?;
        let tokens = match self.firebase.sign_in_as(&uid).await {
            Err(FirebaseError::Disabled) => return Err(UserError::Disabled.into()),
            outcome => outcome?,
        };
        let signed_in = self.admit(tokens, source).await?;
        let actor = &Actor::user();
        run(self.directory.pool(), |mut connection| async move {
            audit::note(&mut connection, "session.exchanged", id, actor, source).await
        })
        .await?;
        Ok(signed_in)
    }

    /// A sign-in by custom token makes a missing account, without an address: look it up first. The look-up also shows a password that
    /// Firebase's own page replaced unnoticed.
    async fn existing(
        &self,
        uid: String,
        known: &Credentials,
        issued_at: UnixTime,
    ) -> Result<String, AccountError> {
        let parsed = FirebaseUid::parse(uid.clone()).map_err(|_| UserError::NotFound)?;
        let account = self.firebase.find_account(&parsed).await?;
        let account = account.ok_or(UserError::NotFound)?;
        if account.has_second_factor {
            // A custom token requires no second factor, and the legacy service never did.
            self.set_hash_aside(known.id).await;
            return Err(AccountError::SecondFactorEnrolled);
        }
        // A password that Firebase does not have proves nothing there; nor does one from before the proof of the address there.
        if !known.may(Deed::Exchange, account.email_verified) {
            return Err(UserError::Revoked.into());
        }
        // A move also sets the password at Firebase, to the one of the token's holder.
        let same_until = issued_at.secs().max(known.agreed_at.unwrap_or(i64::MIN));
        match account.password_updated_at {
            Some(at) if at > same_until.saturating_add(CLOCKS_DIFFER_SECONDS) => {
                Err(UserError::Revoked.into())
            }
            _ => Ok(uid),
        }
    }

    /// Makes the account of a local user, with their hash.
    async fn bring(&self, local: &Credentials, source: &RequestSource) -> Result<(), AccountError> {
        let max_cost = self.passwords.max_cost();
        importable(local.email.as_deref(), local.password_hash.as_deref(), max_cost)
            .map_err(|_| FirebaseError::Invalid("password"))?;
        let email = local.address().ok_or(FirebaseError::Invalid("e-mail address"))?;
        match self.import(local, &email, source).await {
            Err(AccountError::EmailExists) => Err(UserError::LinkConflict.into()),
            outcome => outcome,
        }
    }
}
