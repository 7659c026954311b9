//! The name and the photo that are shown of a person.

use shared::ids::{NormalizedEmail, UserId};

use super::{AccountError, Accounts};
use crate::domain::credentials::Password;
use crate::domain::user::{ActiveUser, UserError};
use crate::postgres::accounts::Identifier;
use crate::postgres::events::{Actor, Origin};
use crate::postgres::{accounts, run, users};

impl Accounts {
    /// Changes name and photo at Firebase, where there is an account, and here. What is `None` stays.
    ///
    /// # Errors
    /// A fault of ours; it may then be repeated.
    pub async fn change_profile(
        &self,
        user: ActiveUser,
        display_name: Option<&str>,
        photo_url: Option<&str>,
    ) -> Result<ActiveUser, AccountError> {
        if let Some(uid) = &user.user().firebase_uid {
            self.firebase.set_profile(uid, display_name, photo_url).await?;
        }
        let id = UserId(user.user().id);
        let changed = run(&self.pool, |mut connection| async move {
            users::set_shown(&mut connection, id, display_name, photo_url).await
        });
        let record = changed.await?.ok_or(UserError::NotFound)?;
        Ok(user.renewed(record))
    }

    /// Voids every token of a person from now on.
    ///
    /// Here first, which is what counts for us. A deployment without a service account cannot void refresh tokens at Firebase;
    /// the ID tokens they bring are then refused here all the same, since refreshing does not move `auth_time`.
    ///
    /// # Errors
    /// A fault of ours; it may then be repeated.
    pub async fn revoke(&self, user: UserId, uid: Option<&str>, origin: &Origin) -> Result<(), AccountError> {
        let actor = &Actor::user();
        run(&self.pool, |mut connection| async move {
            accounts::revoke_sessions(&mut connection, user, actor, origin).await
        })
        .await?;
        if let Some(uid) = uid
            && let Err(error) = self
                .firebase
                .revoke_refresh_tokens(uid, crate::clock::now())
                .await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "refresh tokens could not be voided at Firebase"
            );
        }
        Ok(())
    }

    /// Proves that a person knows their password.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], also for people who have none; or a fault of ours.
    pub async fn prove_password(&self, user: UserId, password: &Password) -> Result<(), AccountError> {
        let who = &Identifier::Id(user);
        let known = run(&self.pool, |mut connection| async move {
            accounts::credentials(&mut connection, who).await
        })
        .await?
        .ok_or(UserError::NotFound)?;
        if known.firebase_uid.is_none() {
            let hash = known.password_hash.unwrap_or_default();
            let right = self.passwords.verify(password.expose().to_owned(), hash).await?;
            return right.then_some(()).ok_or(AccountError::WrongPassword);
        }
        let email = known
            .email
            .as_deref()
            .and_then(|email| NormalizedEmail::parse(email).ok())
            .ok_or(AccountError::WrongPassword)?;
        self.judge(&known, &email, password).await.map(drop)
    }
}
