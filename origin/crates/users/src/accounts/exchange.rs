//! A session at Firebase for somebody who is signed in at the legacy service.

use database::run;
use firebase::FirebaseError;
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::Deed;
use shared::time::UnixTime;

use crate::accounts::agreement::CLOCKS_DIFFER_SECONDS;
use crate::accounts::{Accounts, SignedInUser};
use crate::audit;
use crate::audit::{Actor, RequestSource};
use crate::error::AccountError;
use crate::rules::importable::importable;
use crate::rules::user::{ActiveUser, UserError};
use crate::statements::accounts;
use crate::statements::accounts::{Credentials, Identifier};

impl Accounts {
    /// Signs `user`, whom a legacy token of `issued_at` proves, in at Firebase, so that they move without typing a password.
    /// Somebody who has no account there yet gets one first, with the hash they have.
    ///
    /// # Errors
    /// [`UserError::Revoked`] when the password was changed after the token was issued, or may have been, on whichever side, or is not
    /// Firebase's: the legacy service honours such a token until it expires, a session without an end must not come of it. [`UserError::NotFound`] when the account is gone at
    /// Firebase, [`UserError::LinkConflict`] when another one there has the address, [`FirebaseError::Invalid`] for somebody
    /// whose hash Firebase cannot read, or a fault of ours.
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
            // There is no session to be had at a project that we do not manage; under the same uid ours may have another user.
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

    async fn own_credentials(&self, id: UserId) -> Result<Credentials, AccountError> {
        let who = &Identifier::Id(id);
        let known = run(self.directory.pool(), |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        });
        Ok(known.await?.ok_or(UserError::NotFound)?)
    }

    /// Signing in by a custom token makes an account that does not exist, without an address: look first. A password that was replaced
    /// on Firebase's own page, of which nobody here has heard yet, is seen on that occasion.
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
            // A custom token asks for none, and the legacy service never did.
            self.set_hash_aside(known.id).await;
            return Err(AccountError::SecondFactorEnrolled);
        }
        // A password that Firebase does not have proves nothing there; nor does one of before somebody proved the address there.
        if !known.may(Deed::Exchange, account.email_verified) {
            return Err(UserError::Revoked.into());
        }
        // Moving sets the password at Firebase as well, to the one that the token's holder has.
        let same_until = issued_at.secs().max(known.agreed_at.unwrap_or(i64::MIN));
        match account.password_updated_at {
            Some(at) if at > same_until.saturating_add(CLOCKS_DIFFER_SECONDS) => {
                Err(UserError::Revoked.into())
            }
            _ => Ok(uid),
        }
    }

    /// Makes the account of a local user, with the hash they have.
    async fn bring(&self, local: &Credentials, source: &RequestSource) -> Result<(), AccountError> {
        let max_cost = self.passwords.max_cost();
        importable(local.email.as_deref(), local.password_hash.as_deref(), max_cost)
            .map_err(|_| FirebaseError::Invalid("password"))?;
        let email = local.email.as_deref().unwrap_or_default();
        let email = NormalizedEmail::parse(email).map_err(|_| FirebaseError::Invalid("e-mail address"))?;
        match self.import(local, &email, source).await {
            Err(AccountError::EmailExists) => Err(UserError::LinkConflict.into()),
            outcome => outcome,
        }
    }
}
