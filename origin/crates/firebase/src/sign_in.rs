//! Signing in, and what goes on from there.

use shared::api::second_factor::SecondFactorChallenge;
use shared::ids::NormalizedEmail;

use super::wire::{PasswordRequest, RefreshAnswer, SignInAnswer};
use super::{Firebase, FirebaseError, PendingSignIn, answers};

/// The life of an ID token where Google's answer does not state it, in seconds:
/// <https://firebase.google.com/docs/auth/admin/verify-id-tokens>.
pub(super) const ID_TOKEN_SECONDS: &str = "3600";
/// The most factors of an account: <https://cloud.google.com/identity-platform/docs/web/mfa>.
const MAX_FACTORS: usize = 5;
/// The longest credential of a pending sign-in that is forwarded, in bytes.
pub(super) const MAX_PENDING_BYTES: usize = 8 * 1024;

/// A finished sign-in.
#[derive(Clone)]
pub struct SignedIn {
    /// The account.
    pub uid: String,
    /// The ID token: a credential.
    pub id_token: String,
    /// The refresh token: a credential.
    pub refresh_token: String,
    /// Seconds until the ID token expires, as text (`"3600"`).
    pub expires_in: String,
}

/// New tokens for an old refresh token.
#[derive(Clone)]
pub struct Refreshed {
    /// The ID token: a credential.
    pub id_token: String,
    /// The refresh token: a credential.
    pub refresh_token: String,
    /// Seconds until the ID token expires.
    pub expires_in: String,
}

// Credentials and passwords stay out of logs, whichever code prints these.
impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").finish_non_exhaustive()
    }
}
impl std::fmt::Debug for Refreshed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refreshed").finish_non_exhaustive()
    }
}

impl Firebase {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    /// [`FirebaseError::EmailExists`] among others.
    pub async fn sign_up(
        &self,
        email: &NormalizedEmail,
        password: &str,
        display_name: Option<&str>,
    ) -> Result<SignedIn, FirebaseError> {
        let request = PasswordRequest {
            email: email.as_str(),
            password,
            display_name,
            return_secure_token: true,
        };
        let answer: SignInAnswer = self.call_public("accounts:signUp", &request).await?;
        signed_in(answer)
    }

    /// Signs an account in.
    ///
    /// # Errors
    /// [`FirebaseError::InvalidCredentials`] among others.
    pub async fn sign_in(&self, email: &NormalizedEmail, password: &str) -> Result<SignedIn, FirebaseError> {
        let request = PasswordRequest {
            email: email.as_str(),
            password,
            display_name: None,
            return_secure_token: true,
        };
        match self
            .call_public::<SignInAnswer>("accounts:signInWithPassword", &request)
            .await
        {
            Ok(answer) => signed_in(answer),
            // A malformed address has no account. A password that the project's policy no longer accepts is a different case: it is right.
            Err(FirebaseError::Invalid("e-mail address")) => Err(FirebaseError::InvalidCredentials),
            Err(error) => Err(error),
        }
    }

    /// New tokens for a refresh token.
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] among others.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Refreshed, FirebaseError> {
        let request = serde_json::json!({ "grant_type": "refresh_token", "refresh_token": refresh_token });
        let answer: RefreshAnswer = self.call_secure_token(&request).await?;
        Ok(Refreshed {
            id_token: answer.id_token,
            refresh_token: answer.refresh_token,
            expires_in: answer.expires_in,
        })
    }
}

/// Reads an answer of 200: a sign-in, or the reason that it is none.
fn signed_in(answer: SignInAnswer) -> Result<SignedIn, FirebaseError> {
    if let Some(message) = answer.error_message {
        return Err(answers::refused_in_200(message));
    }
    if answer.need_confirmation {
        return Err(FirebaseError::Refused {
            status: 200,
            code: "NEED_CONFIRMATION".to_owned(),
        });
    }
    match (
        answer.id_token,
        answer.refresh_token,
        answer.mfa_pending_credential,
    ) {
        (Some(id_token), Some(refresh_token), _) if !answer.local_id.is_empty() => Ok(SignedIn {
            uid: answer.local_id,
            id_token,
            refresh_token,
            expires_in: answer.expires_in.unwrap_or_else(|| ID_TOKEN_SECONDS.to_owned()),
        }),
        (None, _, Some(pending)) if pending.len() <= MAX_PENDING_BYTES => {
            Err(FirebaseError::SecondFactor(Box::new(PendingSignIn {
                uid: answer.local_id,
                challenge: SecondFactorChallenge {
                    mfa_pending_credential: pending,
                    mfa_info: answer.mfa_info.into_iter().take(MAX_FACTORS).collect(),
                },
            })))
        }
        _ => Err(FirebaseError::Outage {
            status: 200,
            code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
        }),
    }
}
