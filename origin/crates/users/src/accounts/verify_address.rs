//! Lets users prove their address, by a mail of Firebase's.

use shared::causes::Causes;
use shared::ids::FirebaseUid;

use crate::accounts::handle::Accounts;
use crate::error::AccountError;
use crate::rules::user::{ActiveUser, UserError};

impl Accounts {
    /// Sends the mail by which `user` proves their address, unless it is proven. Answers whether a mail was sent.
    ///
    /// # Errors
    /// [`UserError::LinkConflict`] for a user without a Firebase account; [`firebase::FirebaseError::TooManyAttempts`] if a mail was sent a
    /// moment ago; a fault of ours.
    pub async fn verify_address(&self, user: &ActiveUser) -> Result<bool, AccountError> {
        let known = user.user();
        if known.email_verified {
            return Ok(false);
        }
        let uid = known.firebase_uid.clone().ok_or(UserError::LinkConflict)?;
        let uid = FirebaseUid::parse(uid).map_err(|_| UserError::LinkConflict)?;
        // A sign-in by custom token makes a missing account, without an address: look it up first.
        let account = self
            .firebase
            .find_account(&uid)
            .await?
            .ok_or(UserError::NotFound)?;
        if account.email_verified {
            return Ok(false);
        }
        // Firebase mails only to the holder of an ID token, and the edge does not pass on the caller's.
        let tokens = self.firebase.sign_in_as(uid.as_str()).await?;
        self.firebase.send_verification(&tokens.id_token).await?;
        Ok(true)
    }

    /// Sends that mail after a registration, if the configuration asks for it. No request waits for it or depends on it.
    pub(super) fn verify_new_address(&self, id_token: &str, is_verified: bool) {
        if is_verified || !self.firebase.verifies_new_addresses() {
            return;
        }
        let (firebase, id_token) = (self.firebase.clone(), id_token.to_owned());
        tokio::spawn(async move {
            if let Err(error) = firebase.send_verification(&id_token).await {
                tracing::warn!(error = %Causes(&error), "the mail to a new address could not be sent");
            }
        });
    }
}
