//! Sign-ins that Firebase does not finish with a password alone.
//!
//! Once a user is known to have a second factor, the legacy service must not accept their password: it would not require the factor. Their
//! hash is set aside where the legacy service cannot read it; every sign-in then goes through Firebase.

use database::run;
use firebase::{FactorAnswer, FirebaseError, SignedIn, SmsRequest};
use limits::Ending;
use shared::causes::Causes;
use shared::ids::{NormalizedEmail, UserId};

use crate::accounts::guess::ending;
use crate::accounts::handle::{Accounts, SignedInUser};
use crate::audit::RequestSource;
use crate::error::AccountError;
use crate::rules::credentials::Password;
use crate::rules::user::UserError;
use crate::statements::accounts::Credentials;
use crate::statements::lease;
use crate::statements::legacy_hash;
use crate::statements::legacy_hash::SetAside;

impl Accounts {
    /// Sends the code of a second factor by SMS; answers the session that finishes the sign-in, see [`limits::Limits::sign_session`].
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] for a sign-in that began too long ago, among others.
    pub async fn start_second_factor(&self, request: &SmsRequest<'_>) -> Result<String, AccountError> {
        let session = self.firebase.start_second_factor(request).await?;
        Ok(self.limits.sign_session(request.factor, &session))
    }

    /// Finishes a sign-in with the answer [`FirebaseError::SecondFactor`]. A wrong code counts as a guess at the account.
    ///
    /// # Errors
    /// [`FirebaseError::Invalid`] for a wrong code, [`FirebaseError::Stale`] for a sign-in that began too long ago or a code that
    /// [`Self::start_second_factor`] did not send, [`AccountError::SlowDown`], and the errors of a sign-in.
    pub async fn finish_second_factor(
        &self,
        pending: &str,
        answer: &FactorAnswer<'_>,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let (account, answer) = match *answer {
            FactorAnswer::Totp { factor, .. } => (self.limits.factor(factor), *answer),
            FactorAnswer::Sms { session, code } => {
                let (factor, session) = self
                    .limits
                    .read_session(session)
                    .ok_or(FirebaseError::Stale("sign-in"))?;
                (self.limits.factor(&factor), FactorAnswer::Sms { session, code })
            }
        };
        let attempt = self.limits.admit(account, source.source_ip).await?;
        let outcome = self.finish_admitted(pending, &answer, source).await;
        attempt.end(match &outcome {
            Err(AccountError::Firebase(FirebaseError::Invalid("code"))) => Ending::Wrong,
            outcome => ending(outcome),
        });
        outcome
    }

    async fn finish_admitted(
        &self,
        pending: &str,
        answer: &FactorAnswer<'_>,
        source: &RequestSource,
    ) -> Result<SignedInUser, AccountError> {
        let finished = self.firebase.finish_second_factor(pending, answer).await?;
        let identity = self.verifier.verify(&finished.id_token, (self.clock)()).await?;
        let uid = identity
            .firebase_uid()
            .map(ToString::to_string)
            .unwrap_or_default();
        let tokens = SignedIn {
            uid,
            id_token: finished.id_token,
            refresh_token: finished.refresh_token,
            expires_in: finished.expires_in,
        };
        self.admit(tokens, source).await
    }

    /// The error of a sign-in by a user with a row, once its meaning for the row is recorded.
    pub(super) async fn learn(&self, known: &Credentials, error: AccountError) -> AccountError {
        match error {
            AccountError::Firebase(FirebaseError::SecondFactor(pending)) => {
                if known.firebase_uid.as_deref() != Some(pending.uid.as_str()) {
                    return FirebaseError::SecondFactor(pending).into();
                }
                self.set_hash_aside(known.id).await;
                if known.is_active {
                    FirebaseError::SecondFactor(pending).into()
                } else {
                    // The password is right: the user may know.
                    UserError::Disabled.into()
                }
            }
            AccountError::Firebase(FirebaseError::Invalid("password")) => {
                let id = known.id;
                let marked = run(self.directory.pool(), |mut connection| async move {
                    lease::mark_reset_needed(&mut connection, id).await
                });
                if let Err(error) = marked.await {
                    tracing::warn!(user_id = %id, error = %Causes(&error), "a needed password reset could not be noted");
                }
                AccountError::ResetNeeded
            }
            error => error,
        }
    }

    /// From now on the legacy service accepts no password of this user. If the database fails here, the next sign-in tries again.
    pub(super) async fn set_hash_aside(&self, id: UserId) {
        let done = run(self.directory.pool(), |mut connection| async move {
            legacy_hash::set_aside(&mut connection, id, SetAside::SecondFactor).await
        });
        match done.await {
            Ok(true) => {
                tracing::info!(user_id = %id, "a legacy hash was set aside: the account has a second factor");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(user_id = %id, error = %Causes(&error), "a legacy hash could not be set aside");
            }
        }
    }

    /// Whether Firebase accepts `password` for the account of `email`, even if it also requires a second factor.
    ///
    /// # Errors
    /// As [`firebase::Firebase::sign_in`], except for a missing second factor.
    pub(super) async fn is_accepted(
        &self,
        email: &NormalizedEmail,
        password: &Password,
    ) -> Result<(), FirebaseError> {
        match self.firebase.sign_in(email, password.expose()).await {
            Ok(_) | Err(FirebaseError::SecondFactor(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
