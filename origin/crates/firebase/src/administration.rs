//! What a service account may do with any account.

use shared::ids::FirebaseUid;
use shared::time::UnixTime;

use super::account::Account;
use super::wire::{AccountRequest, Ignored, LookupAnswer};
use super::{Firebase, FirebaseError};

impl Firebase {
    /// Whether accounts can be managed: with a service account, or in the emulator.
    #[must_use]
    pub fn manages_accounts(&self) -> bool {
        self.is_authorised()
    }

    /// Replaces the password of an account. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_password(&self, uid: &str, password: &str) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            password: Some(password),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Changes the displayed name and photo of an account. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_profile(
        &self,
        uid: &str,
        display_name: Option<&str>,
        photo_url: Option<&str>,
    ) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            display_name,
            photo_url,
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Gives an account another address, still unproven. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] when another account has the address, [`FirebaseError::Invalid`] when it is not an address.
    pub async fn set_address(&self, uid: &str, email: &str) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            email: Some(email),
            // Google keeps this flag when an administrator changes the address.
            email_verified: Some(false),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Disables or enables an account, and voids refresh tokens of sign-ins before `valid_since`; `None` leaves a setting as it is. Needs
    /// the service account.
    ///
    /// A moment before the account's own makes void sign-ins valid again: the caller must check first.
    ///
    /// # Errors
    /// [`FirebaseError::NotFound`] among others.
    pub async fn set_standing(
        &self,
        uid: &str,
        disabled: Option<bool>,
        valid_since: Option<UnixTime>,
    ) -> Result<(), FirebaseError> {
        self.update(&AccountRequest {
            disable_user: disabled,
            valid_since: valid_since.map(|since| since.secs().to_string()),
            ..AccountRequest::of(uid)
        })
        .await
    }

    /// Deletes an account; a missing one counts as deleted. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn delete_account(&self, uid: &str) -> Result<(), FirebaseError> {
        match self
            .call_admin::<Ignored>("accounts:delete", &AccountRequest::of(uid))
            .await
        {
            Err(FirebaseError::NotFound) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// The account of `uid`, if there is one. Needs the service account.
    ///
    /// # Errors
    /// [`FirebaseError::Unavailable`] among others.
    pub async fn find_account(&self, uid: &FirebaseUid) -> Result<Option<Account>, FirebaseError> {
        let request = serde_json::json!({ "localId": [uid.as_str()] });
        let answer: LookupAnswer = self.call_admin("accounts:lookup", &request).await?;
        Ok(answer.users.into_iter().next().map(Account::from))
    }

    async fn update(&self, request: &AccountRequest<'_>) -> Result<(), FirebaseError> {
        self.call_admin::<Ignored>("accounts:update", request)
            .await
            .map(drop)
    }
}
