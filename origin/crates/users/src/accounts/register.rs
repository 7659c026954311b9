//! Registers a user.

use database::{DatabaseError, run};
use firebase::{FirebaseError, NewAccount, SignedIn};
use shared::ids::{NormalizedEmail, UserId};
use uuid::Uuid;

use crate::accounts::guess::ending;
use crate::accounts::handle::{Accounts, SignedInUser};
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::credentials::{Password, Username};
use crate::statements::accounts;
use crate::statements::accounts::Identifier;
use crate::statements::profiles::USERNAME_CONSTRAINT;
use crate::statements::users;

/// The data of a registration.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The address.
    pub email: NormalizedEmail,
    /// The password.
    pub password: Password,
    /// A username, in the legacy contract.
    pub username: Option<Username>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Photo URL.
    pub photo_url: Option<String>,
    /// Whether a repeat with the same password is answered instead of refused. Clients that retry after a lost answer need it; the legacy
    /// contract refuses.
    pub repeat_is_answered: bool,
}

impl Accounts {
    /// Makes an account at Firebase and its row here.
    ///
    /// An interrupted registration may be repeated: the password recognises the Firebase account, and the row is made then.
    ///
    /// # Errors
    /// [`AccountError::EmailExists`], [`AccountError::UsernameExists`], [`AccountError::SlowDown`], or a fault of ours.
    pub async fn register(
        &self,
        new: &Registration,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        // If the account exists already, this has tried its password.
        let attempt = self
            .attempt(&Identifier::Email(new.email.clone()), source)
            .await?;
        let outcome = self.register_for_service(new, source).await;
        attempt.end(ending(&outcome));
        outcome
    }

    /// [`Accounts::register`] for one of our services, which do not guess passwords.
    ///
    /// # Errors
    /// The same, except for [`AccountError::SlowDown`].
    pub async fn register_for_service(
        &self,
        new: &Registration,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let known = self.credentials_of(&Identifier::Email(new.email.clone())).await?;
        if let Some(known) = known {
            return match known.firebase_uid {
                Some(_) if new.repeat_is_answered => self.admit(self.sign_in_again(new).await?, source).await,
                // Ask Firebase about local users too: an earlier answer would reveal who has not moved yet.
                None if new.repeat_is_answered => {
                    self.sign_in_again(new).await?;
                    Err(AccountError::EmailExists)
                }
                _ => Err(AccountError::EmailExists),
            };
        }
        if let Some(username) = &new.username {
            let taken = run(self.directory.pool(), |mut connection| async move {
                accounts::username_is_taken(&mut connection, username).await
            });
            if taken.await? {
                return Err(AccountError::UsernameExists);
            }
        }
        let tokens = match self.make(new).await {
            Ok(tokens) => tokens,
            Err(error) => match error.into() {
                AccountError::EmailExists => self.sign_in_again(new).await?,
                error => return Err(error),
            },
        };
        let signed_in = self.admit(tokens, source).await?;
        self.verify_new_address(&signed_in.tokens.id_token, signed_in.user.user().email_verified);
        match &new.username {
            Some(username) => self.name(signed_in, username).await,
            None => Ok(signed_in),
        }
    }

    /// Makes the account and signs it in. With the service account, if there is one: Google allows 100 anonymous sign-ups an hour for each
    /// source address, and all of ours have one address. <https://firebase.google.com/docs/auth/limits>
    async fn make(&self, new: &Registration) -> Result<SignedIn, FirebaseError> {
        let (email, password) = (&new.email, new.password.expose());
        let display_name = new.display_name.as_deref();
        if !self.firebase.manages_accounts() {
            return self.firebase.sign_up(email, password, display_name).await;
        }
        let account = NewAccount {
            uid: &Uuid::new_v4().to_string(),
            email,
            email_verified: false,
            password: Some(password),
            display_name,
            photo_url: new.photo_url.as_deref(),
        };
        self.firebase.create_account(&account).await?;
        self.firebase.sign_in(email, password).await
    }

    /// Firebase knows the address. Only the password distinguishes a repeat from a stranger.
    async fn sign_in_again(&self, new: &Registration) -> Result<SignedIn, AccountError> {
        match self
            .firebase
            .sign_in(&new.email, new.password.expose())
            .await
            .map_err(AccountError::from)
        {
            Err(AccountError::WrongPassword | AccountError::DisabledThere) => Err(AccountError::EmailExists),
            outcome => outcome,
        }
    }

    async fn name(&self, signed_in: SignedInUser, username: &Username) -> Result<SignedInUser, AccountError> {
        let id = UserId(signed_in.user.user().id);
        let named = run(self.directory.pool(), |mut connection| async move {
            accounts::set_username(&mut connection, id, username).await?;
            users::find_by_id(&mut connection, id).await
        });
        match named.await {
            Ok(Some(record)) => Ok(SignedInUser {
                user: signed_in.user.renewed(record),
                ..signed_in
            }),
            Ok(None) => Ok(signed_in),
            Err(error) if is_taken(&error) => Err(AccountError::UsernameExists),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_taken(error: &DatabaseError) -> bool {
    error.violated_unique() == Some(USERNAME_CONSTRAINT)
}
