//! Confirms a password that is older than the proof of the address.

use database::run;
use limits::Attempt;
use shared::identity::{Identity, TokenKind};
use shared::ids::UserId;
use shared::ownership::Deed;
use shared::time::UnixTime;

use crate::accounts::guess::ending;
use crate::accounts::handle::{Accounts, SignedInUser};
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::user::{ActiveUser, UserError};
use crate::statements::accounts;
use crate::statements::accounts::Identifier;
use crate::statements::legacy_hash;

/// The greatest age of a sign-in that is a proof by itself, in seconds: Firebase calls it a recent login.
pub const RECENT_SECONDS: i64 = 300;

/// Whether `identity` comes from a recent sign-in at Firebase by a user who proved the address. A session from a legacy token is as young
/// as its exchange, and proves no more than that token.
#[must_use]
pub fn is_recent_sign_in(identity: &Identity, now: UnixTime) -> bool {
    identity.kind != TokenKind::Legacy
        && identity.sign_in_provider.as_deref() != Some("custom")
        && now.since(identity.auth_time) < RECENT_SECONDS
}

impl Accounts {
    /// Restores the password that was set aside when the address of `user` was proven, at Firebase and at the legacy service. The caller
    /// has required a recent sign-in. Other sessions end, as with every new password at Firebase.
    ///
    /// # Errors
    /// [`AccountError::WrongPassword`], also when none was set aside; [`UserError::Revoked`] for a user who has not proven the address; or
    /// a fault of ours, before or after Firebase accepts the password: the call may be repeated.
    pub async fn confirm_password(
        &self,
        user: &ActiveUser,
        password: &Password,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let id = UserId(user.user().id);
        let attempt = self.attempt(&Identifier::Id(id), source).await?;
        let outcome = self.confirm_admitted(id, password, source, &attempt).await;
        attempt.end(ending(&outcome));
        outcome
    }

    async fn confirm_admitted(
        &self,
        id: UserId,
        password: &Password,
        source: &RequestSource,
        attempt: &Attempt,
    ) -> Result<SignedInUser, AccountError> {
        let who = &Identifier::Id(id);
        let (known, hash) = run(self.directory.pool(), |mut connection| async move {
            Ok((
                accounts::credentials(&mut connection, who).await?,
                legacy_hash::to_be_confirmed(&mut connection, id).await?,
            ))
        })
        .await?;
        let known = known.ok_or(UserError::NotFound)?;
        if !known.may(Deed::ConfirmPassword, true) {
            return Err(UserError::Revoked.into());
        }
        let (Some(hash), Some(email), Some(uid)) = (hash, known.address(), known.firebase_uid) else {
            return Err(AccountError::WrongPassword);
        };
        let turn = self.passwords.turn(attempt.whose()).await?;
        let right = self
            .passwords
            .verify(turn, password.expose().to_owned(), &hash, id)
            .await?;
        if !right {
            return Err(AccountError::WrongPassword);
        }
        self.firebase.set_password(&uid, password.expose()).await?;
        let tokens = self.firebase.sign_in(&email, password.expose()).await?;
        let identity = self.verifier.verify(&tokens.id_token, (self.clock)()).await?;
        let (hash, signed_in_at) = (&hash, identity.auth_time);
        run(self.directory.pool(), |mut connection| async move {
            legacy_hash::confirm(&mut connection, id, hash, signed_in_at, source).await
        })
        .await?;
        self.admit(tokens, source).await
    }
}
