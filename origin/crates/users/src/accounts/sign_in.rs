//! Signs users in with a password, and moves local ones to Firebase.

use database::run;
use firebase::{FirebaseError, SignedIn};
use limits::Attempt;
use shared::ids::{FirebaseUid, NormalizedEmail};

use crate::accounts::guess::ending;
use crate::accounts::handle::{Accounts, SignedInUser};
use crate::accounts::lease::Held;
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::passwords::Turn;
use crate::rules::credentials::Password;
use crate::rules::user::UserError;
use crate::statements::accounts;
use crate::statements::accounts::{Credentials, Identifier};

impl Accounts {
    /// Signs a user in. A local account moves to Firebase at once if the password is right, under its own id.
    ///
    /// For a linked user only Firebase checks the password: an old hash here must not outlive a password that was replaced there.
    ///
    /// # Errors
    /// [`AccountError::UnknownIdentifier`], [`AccountError::WrongPassword`], [`UserError::Disabled`], [`AccountError::SlowDown`], or a
    /// fault of ours.
    pub async fn sign_in(
        &self,
        who: &Identifier,
        password: &Password,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let attempt = self.attempt(who, source).await?;
        let outcome = self.sign_in_admitted(who, password, source, &attempt).await;
        attempt.end(ending(&outcome));
        outcome
    }

    async fn sign_in_admitted(
        &self,
        who: &Identifier,
        password: &Password,
        source: &RequestSource,
        attempt: &Attempt,
    ) -> Result<SignedInUser, AccountError> {
        let known = self.credentials_of(who).await?;
        let turn = self.passwords.turn(attempt.whose()).await?;
        let email = match (&known, who) {
            (Some(known), _) => known.address(),
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
                match self.sign_in_local(local, &email, password, source, turn).await {
                    Ok(tokens) => self.admit(tokens, source).await,
                    Err(error) => Err(self.learn(local, error).await),
                }
            }
            Some(linked) => {
                let tokens = match self.judge(linked, &email, password, turn).await {
                    Ok(tokens) => tokens,
                    Err(error) => return Err(self.learn(linked, error).await),
                };
                if !linked.is_active {
                    return Err(UserError::Disabled.into());
                }
                self.admit(tokens, source).await
            }
            // There may be an account at Firebase without a row.
            None => {
                drop(turn);
                match self.firebase.sign_in(&email, password.expose()).await {
                    Ok(tokens) => self.admit(tokens, source).await,
                    Err(FirebaseError::InvalidCredentials | FirebaseError::Disabled) => {
                        Err(AccountError::UnknownIdentifier)
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// Firebase is always asked, at the same time as the hash is checked: an earlier answer, or an answer during an outage, would reveal
    /// who has not moved yet. Its verdict counts for users with the right old password. It also counts for users who have proven the
    /// address there: another client had registered it before they moved, and they took it back by a password mail.
    async fn sign_in_local(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        source: &RequestSource,
        turn: Turn,
    ) -> Result<SignedIn, AccountError> {
        let hash = local.password_hash.as_deref().unwrap_or_default();
        let (right, asked) = tokio::join!(
            self.passwords
                .verify(turn, password.expose().to_owned(), hash, local.id),
            self.firebase.sign_in(email, password.expose()),
        );
        match (right?, asked) {
            (true, Ok(tokens)) => self.migrate(local, email, password, Some(tokens), source).await,
            (true, Err(FirebaseError::InvalidCredentials)) => {
                self.migrate(local, email, password, None, source).await
            }
            (false, Ok(tokens)) if self.is_address_proven(&tokens).await? => Ok(tokens),
            // Only the legacy service can check this hash; it decides whether the password is right.
            (false, Ok(_) | Err(FirebaseError::InvalidCredentials))
                if local.is_active && self.passwords.is_left_to_legacy(hash) =>
            {
                Err(FirebaseError::Invalid("password").into())
            }
            (false, Ok(_) | Err(FirebaseError::InvalidCredentials | FirebaseError::Disabled)) => {
                Err(AccountError::WrongPassword)
            }
            (true, Err(FirebaseError::Disabled)) => Err(UserError::Disabled.into()),
            (_, Err(error)) => Err(error.into()),
        }
    }

    /// Whether Firebase has verified the address of the user whom it signed in.
    async fn is_address_proven(&self, tokens: &SignedIn) -> Result<bool, AccountError> {
        let identity = self.verifier.verify(&tokens.id_token, (self.clock)()).await?;
        Ok(identity.email_verified)
    }

    /// Makes the Firebase account of a local user with the right password, unless Firebase `knows` it already, and links it.
    ///
    /// Of two concurrent sign-ins one moves the user, and the other finds them moved.
    async fn migrate(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        knows: Option<SignedIn>,
        source: &RequestSource,
    ) -> Result<SignedIn, AccountError> {
        if !local.is_active {
            return Err(UserError::Disabled.into());
        }
        let lease = match self.hold_for_move(local.id).await? {
            Held::ToBeMoved(lease) => lease,
            Held::NoLongerLocal => {
                return match knows {
                    Some(tokens) => Ok(tokens),
                    None => Ok(self.firebase.sign_in(email, password.expose()).await?),
                };
            }
        };
        let moved = self.move_held(local, email, password, knows, source).await;
        self.let_go(lease);
        moved
    }

    /// [`Accounts::migrate`], under the lease.
    async fn move_held(
        &self,
        local: &Credentials,
        email: &NormalizedEmail,
        password: &Password,
        knows: Option<SignedIn>,
        source: &RequestSource,
    ) -> Result<SignedIn, AccountError> {
        let id = local.id.to_string();
        let is_made = knows.is_none();
        let tokens = match knows {
            Some(tokens) => tokens,
            None => self.make_account(local, &id, email, password).await?,
        };
        let (Some(hash), true) = (local.password_hash.as_deref(), tokens.uid == id) else {
            // Another account has the address. The rules of first sight decide whether the row is linked to it.
            return Ok(tokens);
        };
        let Ok(uid) = FirebaseUid::parse(id) else {
            return Err(UserError::LinkConflict.into());
        };
        let account = (&uid, &self.managed_issuer().await?);
        let linked = run(self.directory.pool(), |mut connection| async move {
            accounts::link_migrated(&mut connection, local.id, account, hash, source).await
        });
        if linked.await? {
            tracing::info!(user_id = %local.id, "local account moved to Firebase at sign-in");
        } else if is_made {
            self.undo_move_of_removed(local.id).await?;
        }
        Ok(tokens)
    }
}
