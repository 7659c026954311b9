//! Signing in with a password, and moving to Firebase on that occasion.

use shared::ids::{FirebaseUid, NormalizedEmail};
use shared::ownership::Deed;

use super::lease::Held;
use super::{AccountError, Accounts, SignedInUser};
use crate::clock;
use crate::domain::credentials::Password;
use crate::domain::user::UserError;
use crate::firebase::{FirebaseError, NewAccount, SignedIn};
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
                let tokens = self.sign_in_local(local, &email, password, origin).await?;
                self.admit(tokens, origin).await
            }
            Some(linked) => {
                let tokens = self.judge(linked, &email, password).await?;
                if !linked.is_active {
                    return Err(UserError::Disabled.into());
                }
                self.admit(tokens, origin).await
            }
            // Perhaps an account at Firebase whose row was never made.
            None => match self.firebase.sign_in(&email, password.expose()).await {
                Ok(tokens) => self.admit(tokens, origin).await,
                Err(FirebaseError::InvalidCredentials | FirebaseError::Disabled) => {
                    Err(AccountError::UnknownIdentifier)
                }
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Firebase is asked whatever the hash says, and at the same time: an answer that comes sooner, or in spite of an outage, would
    /// tell who has not moved yet. What it says counts for those whose old password is right, and for those who have proven there that
    /// the address is theirs: somebody else registered it before they moved, and they took it back by the mail for a new password.
    async fn sign_in_local(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        origin: &Origin,
    ) -> Result<SignedIn, AccountError> {
        let hash = local.password_hash.clone().unwrap_or_default();
        let (right, asked) = tokio::join!(
            self.passwords.verify(password.expose().to_owned(), hash.clone()),
            self.firebase.sign_in(email, password.expose()),
        );
        match (right?, asked) {
            (true, Ok(tokens)) => self.migrate(local, email, password, Some(tokens), origin).await,
            (true, Err(FirebaseError::InvalidCredentials)) => {
                self.migrate(local, email, password, None, origin).await
            }
            (false, Ok(tokens)) if self.is_address_proven(&tokens).await? => Ok(tokens),
            (false, Ok(_) | Err(FirebaseError::InvalidCredentials | FirebaseError::Disabled)) => {
                Err(AccountError::WrongPassword)
            }
            (true, Err(FirebaseError::Disabled)) => Err(UserError::Disabled.into()),
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// Whether Firebase has verified the address of whom it signed in.
    async fn is_address_proven(&self, tokens: &SignedIn) -> Result<bool, AccountError> {
        let identity = self.verifier.verify(&tokens.id_token, clock::now()).await?;
        Ok(identity.email_verified)
    }

    /// Makes the Firebase account of a local person whose password is right, unless Firebase `knows` it already, and links it.
    ///
    /// Two sign-ins at once end in one account: its uid is the row's id, and whoever comes second finds it.
    async fn migrate(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        knows: Option<SignedIn>,
        origin: &Origin,
    ) -> Result<SignedIn, AccountError> {
        if !local.is_active {
            return Err(UserError::Disabled.into());
        }
        if self.hold_for_move(local.id).await? == Held::NoLongerLocal {
            return match knows {
                Some(tokens) => Ok(tokens),
                None => Ok(self.firebase.sign_in(email, password.expose()).await?),
            };
        }
        let id = local.id.to_string();
        let tokens = match knows {
            Some(tokens) => tokens,
            None => self.make_account(local, &id, email, password).await?,
        };
        let (Some(hash), true) = (local.password_hash.as_deref(), tokens.uid == id) else {
            // Another account has the address. Whether the row is linked to it is decided as at every first sight.
            return Ok(tokens);
        };
        let Ok(uid) = FirebaseUid::parse(id) else {
            return Err(UserError::LinkConflict.into());
        };
        let account = (&uid, &self.managed_issuer().await?);
        let linked = run(&self.pool, |mut connection| async move {
            accounts::link_migrated(&mut connection, local.id, account, hash, origin).await
        });
        if linked.await? {
            tracing::info!(user_id = %local.id, "local account moved to Firebase at sign-in");
        }
        Ok(tokens)
    }

    async fn make_account(
        &self,
        local: &Credentials,
        id: &str,
        email: &NormalizedEmail,
        password: &Password,
    ) -> Result<SignedIn, AccountError> {
        let new = NewAccount {
            uid: id,
            email,
            email_verified: local.email_verified,
            password: password.expose(),
            display_name: local.display_name.as_deref(),
            photo_url: None,
        };
        match self.firebase.create_account(&new).await {
            Ok(()) => return Ok(self.firebase.sign_in(email, password.expose()).await?),
            // Which of the two is complained about when both are taken is not documented.
            Err(FirebaseError::UidExists | FirebaseError::EmailExists) => {}
            Err(error) => return Err(error.into()),
        }
        // Another sign-in made it a moment ago: with this password, so there is nothing to change, and changing it all the same
        // would void the sessions of those who were faster.
        match self.firebase.sign_in(email, password.expose()).await {
            Ok(tokens) => return Ok(tokens),
            Err(FirebaseError::InvalidCredentials) => {}
            Err(error) => return Err(error.into()),
        }
        // An attempt that broke off made it, and the password was changed at the legacy service since.
        let uid = FirebaseUid::parse(id.to_owned()).map_err(|_| UserError::LinkConflict)?;
        let account = self.firebase.find_account(&uid).await?;
        let is_theirs = account.is_some_and(|account| {
            account.email.as_deref() == Some(email.as_str())
                && local.may(Deed::SetFirebasePassword, account.email_verified)
        });
        if !is_theirs {
            return Err(UserError::LinkConflict.into());
        }
        self.firebase.set_password(id, password.expose()).await?;
        Ok(self.firebase.sign_in(email, password.expose()).await?)
    }
}
