//! Makes the Firebase account of a local user with the right password.
//!
//! Firebase gets the hash, not the password: the project's policy may refuse a password that was good for years, and does not check hashes.
//! Google replaces an account of the same uid without asking; therefore this happens under the user's lease, which one sign-in has at a
//! time. <https://firebase.google.com/docs/auth/admin/import-users>

use firebase::{AccountToImport, FirebaseError, ImportedAccount, NewAccount, SignedIn};
use shared::ids::{FirebaseUid, NormalizedEmail, UserId};
use shared::ownership::Deed;

use crate::accounts::handle::Accounts;
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::importable::{Importable, importable};
use crate::rules::user::UserError;
use crate::statements::accounts::Credentials;

impl Accounts {
    /// The account of `local`, with the row's id as uid, signed in with `password`.
    ///
    /// # Errors
    /// [`UserError::LinkConflict`] when another account has the address, [`FirebaseError::Invalid`] when the project's policy refuses the
    /// password of an account with a hash that cannot be imported, or a fault of ours.
    pub(super) async fn make_account(
        &self,
        local: &Credentials,
        id: &str,
        email: &NormalizedEmail,
        password: &Password,
    ) -> Result<SignedIn, AccountError> {
        let max_cost = self.passwords.max_cost();
        match importable(local.email.as_deref(), local.password_hash.as_deref(), max_cost) {
            Ok(importable) => self.bring_hash(local, id, &importable).await?,
            // Firebase cannot read the hash: only the password itself can be transferred.
            Err(_) => self.bring_password(local, id, email, password).await?,
        }
        match self.firebase.sign_in(email, password.expose()).await {
            // The account has an older password (an interrupted attempt made it), or Google reads the hash differently.
            Err(FirebaseError::InvalidCredentials) => {
                self.require_ours(local, id, email).await?;
                self.firebase.set_password(id, password.expose()).await?;
                Ok(self.firebase.sign_in(email, password.expose()).await?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Deletes the account just made, under the row's id and the caller's lease, if the row was not linked to it because its user was
    /// removed or deactivated meanwhile. It would keep the address from them.
    ///
    /// # Errors
    /// [`UserError::Disabled`] for such a user, or a fault of ours.
    pub(super) async fn undo_move_of_removed(&self, id: UserId) -> Result<(), AccountError> {
        let row = self.own_credentials(id).await?;
        if row.is_active || row.firebase_uid.is_some() {
            return Ok(());
        }
        self.firebase.delete_account(&id.to_string()).await?;
        Err(UserError::Disabled.into())
    }

    async fn bring_hash(
        &self,
        local: &Credentials,
        id: &str,
        importable: &Importable,
    ) -> Result<(), AccountError> {
        let account = ImportedAccount {
            uid: id,
            email: &importable.email,
            email_verified: local.email_verified,
            bcrypt_hash: &importable.bcrypt_hash,
            display_name: local.display_name.as_deref(),
        };
        match self.firebase.import_account(&account).await {
            Ok(true) => Ok(()),
            Ok(false) => self.bring_again(local, id, importable).await,
            Err(FirebaseError::EmailExists) => Err(UserError::LinkConflict.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// An interrupted attempt made the account. If no user has used it, it gets the current hash, which may be newer.
    async fn bring_again(
        &self,
        local: &Credentials,
        id: &str,
        importable: &Importable,
    ) -> Result<(), AccountError> {
        self.require_ours(local, id, &importable.email).await?;
        let there = self.firebase.find_accounts(&[id.to_owned()], &[]).await?;
        match there.into_iter().find(|account| account.uid == id) {
            Some(account) if account.signed_in => Ok(()),
            _ => {
                let account = AccountToImport {
                    uid: id.to_owned(),
                    email: importable.email.as_str().to_owned(),
                    email_verified: local.email_verified,
                    display_name: local.display_name.clone(),
                    disabled: false,
                    bcrypt_hash: importable.bcrypt_hash.clone(),
                };
                let refused = self.firebase.import_accounts(&[account], true).await?;
                match refused.into_iter().next() {
                    None => Ok(()),
                    Some((_, code)) => Err(FirebaseError::Refused { status: 400, code }.into()),
                }
            }
        }
    }

    /// Refuses to change the account under our id if it has another address, or if it may not get this password.
    async fn require_ours(
        &self,
        local: &Credentials,
        id: &str,
        email: &NormalizedEmail,
    ) -> Result<(), AccountError> {
        let uid = FirebaseUid::parse(id.to_owned()).map_err(|_| UserError::LinkConflict)?;
        let account = self.firebase.find_account(&uid).await?;
        let is_ours = account.is_some_and(|account| {
            account.email.as_deref() == Some(email.as_str())
                && local.may(Deed::SetFirebasePassword, account.email_verified)
        });
        if is_ours {
            Ok(())
        } else {
            Err(UserError::LinkConflict.into())
        }
    }

    async fn bring_password(
        &self,
        local: &Credentials,
        id: &str,
        email: &NormalizedEmail,
        password: &Password,
    ) -> Result<(), AccountError> {
        let new = NewAccount {
            uid: id,
            email,
            email_verified: local.email_verified,
            password: Some(password.expose()),
            display_name: local.display_name.as_deref(),
            photo_url: None,
        };
        match self.firebase.create_account(&new).await {
            Ok(()) => Ok(()),
            // Google does not document which of the two errors comes when both are taken.
            Err(FirebaseError::UidExists | FirebaseError::EmailExists) => {
                self.require_ours(local, id, email).await
            }
            Err(error) => Err(error.into()),
        }
    }
}
