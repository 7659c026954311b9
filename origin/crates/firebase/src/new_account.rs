//! Accounts with a uid of our choosing.

use shared::ids::NormalizedEmail;

use super::wire::{AccountRequest, Ignored, ImportAnswer, ImportRequest, ImportedUser, LookupAnswer};
use super::{Firebase, FirebaseError, answers};

/// A new account with a uid that we choose.
pub struct NewAccount<'a> {
    /// The uid: the user's id for moved users, to make both kinds of token name one user.
    pub uid: &'a str,
    /// The address.
    pub email: &'a NormalizedEmail,
    /// Whether the user has verified the address: as the row says, never an assumption.
    pub email_verified: bool,
    /// The password; without one, a mail must set it.
    pub password: Option<&'a str>,
    /// The name to show.
    pub display_name: Option<&'a str>,
    /// Photo URL.
    pub photo_url: Option<&'a str>,
}

/// An account to import with its password hash.
pub struct ImportedAccount<'a> {
    /// The uid: the user's id.
    pub uid: &'a str,
    /// The address.
    pub email: &'a NormalizedEmail,
    /// Whether the user has verified the address: as the row says, never an assumption.
    pub email_verified: bool,
    /// The bcrypt hash, as the legacy service stores it.
    pub bcrypt_hash: &'a str,
    /// The name to show.
    pub display_name: Option<&'a str>,
}

// Passwords stay out of logs whatever prints these.
impl std::fmt::Debug for ImportedAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportedAccount")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewAccount<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount")
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}

impl Firebase {
    /// Makes an account with a uid that we choose. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::UidExists`], [`FirebaseError::EmailExists`] among others.
    pub async fn create_account(&self, new: &NewAccount<'_>) -> Result<(), FirebaseError> {
        let request = AccountRequest {
            email: Some(new.email.as_str()),
            email_verified: Some(new.email_verified),
            password: new.password,
            display_name: new.display_name,
            photo_url: new.photo_url,
            ..AccountRequest::of(new.uid)
        };
        self.call_admin::<Ignored>("accounts", &request).await.map(drop)
    }

    /// Imports an account with its bcrypt hash: its password keeps working. Needs the service account.
    ///
    /// Firebase does not check whether another account has the address; this function does. An account with our uid counts as imported: a
    /// second import would undo a password changed since. Answers whether this call imported it.
    /// <https://firebase.google.com/docs/auth/admin/import-users>
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] when another account has the address.
    pub async fn import_account(&self, account: &ImportedAccount<'_>) -> Result<bool, FirebaseError> {
        let lookup = serde_json::json!({ "localId": [account.uid], "email": [account.email.as_str()] });
        let known: LookupAnswer = self.call_admin("accounts:lookup", &lookup).await?;
        if known.users.iter().any(|known| known.local_id == account.uid) {
            return Ok(false);
        }
        if !known.users.is_empty() {
            return Err(FirebaseError::EmailExists);
        }
        let request = ImportRequest {
            hash_algorithm: "BCRYPT",
            users: [ImportedUser {
                local_id: account.uid,
                email: account.email.as_str(),
                email_verified: account.email_verified,
                display_name: account.display_name,
                password_hash: shared::base64url::encode(account.bcrypt_hash.as_bytes()),
            }],
        };
        let answer: ImportAnswer = self.call_admin("accounts:batchCreate", &request).await?;
        match answer.error.first() {
            None => Ok(true),
            Some(failed) => Err(answers::refused_in_200(failed.message.clone())),
        }
    }
}
