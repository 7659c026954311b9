//! Signing in with a password, and moving to Firebase on that occasion.

use shared::ids::{FirebaseUid, NormalizedEmail};

use super::lease::Held;
use super::{AccountError, Accounts, SignedInUser};
use crate::domain::credentials::Password;
use crate::domain::user::UserError;
use crate::firebase::{FirebaseError, NewAccount};
use crate::postgres::accounts::{self, Credentials, Identifier};
use crate::postgres::events::Origin;
use crate::postgres::run;

impl Accounts {
    /// Signs somebody in. A local account whose password is right moves to Firebase on the spot, under its own id.
    ///
    /// Once linked, only Firebase judges the password: an old hash here must not outlive a password replaced there.
    ///
    /// # Errors
    /// [`AccountError::UnknownIdentifier`], [`AccountError::WrongPassword`], [`UserError::Disabled`], or a fault of ours.
    pub async fn sign_in(
        &self,
        who: &Identifier,
        password: &Password,
        origin: &Origin,
    ) -> Result<SignedInUser, AccountError> {
        let known = run(&self.pool, |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        })
        .await?;
        let email = match (&known, who) {
            (Some(known), _) => known
                .email
                .as_deref()
                .and_then(|email| NormalizedEmail::parse(email).ok()),
            (None, Identifier::Email(email)) => Some(email.clone()),
            (None, _) => None,
        };
        let Some(email) = email else {
            return Err(if known.is_some() {
                AccountError::WrongPassword
            } else {
                AccountError::UnknownIdentifier
            });
        };
        match &known {
            Some(local) if local.firebase_uid.is_none() => {
                self.migrate(local, &email, password, origin).await?;
            }
            Some(linked) if !linked.is_active => {
                self.firebase.sign_in(&email, password.expose()).await?;
                return Err(UserError::Disabled.into());
            }
            Some(_) => {}
            // Perhaps an account at Firebase whose row was never made.
            None => {
                return match self.firebase.sign_in(&email, password.expose()).await {
                    Ok(tokens) => self.admit(tokens, origin).await,
                    Err(FirebaseError::InvalidCredentials) => Err(AccountError::UnknownIdentifier),
                    Err(error) => Err(error.into()),
                };
            }
        }
        let tokens = self.firebase.sign_in(&email, password.expose()).await?;
        self.admit(tokens, origin).await
    }

    /// Makes the Firebase account of a local person whose password is right, and links it.
    ///
    /// Two sign-ins at once end in one account: its uid is the row's id, and whoever comes second finds it.
    async fn migrate(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        origin: &Origin,
    ) -> Result<(), AccountError> {
        let hash = local.password_hash.clone().unwrap_or_default();
        if !self.passwords.verify(password.expose().to_owned(), hash).await? {
            return Err(AccountError::WrongPassword);
        }
        if !local.is_active {
            return Err(UserError::Disabled.into());
        }
        if self.hold_for_move(local.id).await? == Held::NoLongerLocal {
            return Ok(());
        }
        let id = local.id.to_string();
        let new = NewAccount {
            uid: &id,
            email,
            email_verified: local.email_verified,
            password: password.expose(),
            display_name: local.display_name.as_deref(),
        };
        match self.firebase.create_account(&new).await {
            Ok(()) => {}
            // An earlier attempt made it and did not get further, or another is doing so now.
            Err(FirebaseError::UidExists) => self.firebase.set_password(&id, password.expose()).await?,
            Err(FirebaseError::EmailExists) => return Err(UserError::LinkConflict.into()),
            Err(error) => return Err(error.into()),
        }
        let Ok(uid) = FirebaseUid::parse(id) else {
            return Err(UserError::LinkConflict.into());
        };
        let uid = &uid;
        let linked = run(&self.pool, |mut connection| async move {
            accounts::link_migrated(&mut connection, local.id, uid, origin).await
        });
        if linked.await? {
            tracing::info!(user_id = %local.id, "local account moved to Firebase at sign-in");
        }
        Ok(())
    }
}
