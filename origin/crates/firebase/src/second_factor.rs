//! The second step of a sign-in.
//!
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v2/accounts.mfaSignIn/start>,
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v2/accounts.mfaSignIn/finalize>

use serde::Deserialize;
use serde_json::{Map, Value};

use super::sign_in::ID_TOKEN_SECONDS;
use super::{Firebase, FirebaseError, Refreshed};

/// The request for an SMS. Google requires a proof that an app sends the request.
pub struct SmsRequest<'a> {
    /// The pending credential of the challenge.
    pub pending: &'a str,
    /// The factor.
    pub factor: &'a str,
    /// Proofs by Google's name (`recaptchaToken` among others), as the client sent them.
    pub proofs: Vec<(&'static str, String)>,
}

/// The factor that the user shows.
#[derive(Clone, Copy)]
pub enum FactorAnswer<'a> {
    /// The code of an SMS.
    Sms {
        /// The answer of [`Firebase::start_second_factor`].
        session: &'a str,
        /// The code.
        code: &'a str,
    },
    /// A one-time password (RFC 6238).
    Totp {
        /// The factor.
        factor: &'a str,
        /// The password.
        code: &'a str,
    },
}

// Credentials and codes stay out of logs, whichever code prints these.
impl std::fmt::Debug for SmsRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsRequest").finish_non_exhaustive()
    }
}
impl std::fmt::Debug for FactorAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sms { .. } => "Sms",
            Self::Totp { .. } => "Totp",
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartAnswer {
    phone_response_info: SessionInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionInfo {
    session_info: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FinishAnswer {
    id_token: String,
    refresh_token: String,
    expires_in: Option<String>,
}

impl Firebase {
    /// Sends an SMS; answers the session for [`FactorAnswer::Sms`].
    ///
    /// # Errors
    /// [`FirebaseError::Stale`] for a challenge that is too old, among others.
    pub async fn start_second_factor(&self, request: &SmsRequest<'_>) -> Result<String, FirebaseError> {
        let proofs = request.proofs.iter();
        let proofs: Map<String, Value> = proofs
            .map(|(name, proof)| ((*name).to_owned(), Value::from(proof.as_str())))
            .collect();
        let body = serde_json::json!({
            "mfaPendingCredential": request.pending, "mfaEnrollmentId": request.factor, "phoneSignInInfo": proofs,
        });
        let answer: StartAnswer = self.call_second_factor("accounts/mfaSignIn:start", body).await?;
        Ok(answer.phone_response_info.session_info)
    }

    /// Finishes the sign-in of `pending`.
    ///
    /// # Errors
    /// [`FirebaseError::Invalid`] for a wrong code, [`FirebaseError::Stale`] for a challenge that is too old, among others.
    pub async fn finish_second_factor(
        &self,
        pending: &str,
        answer: &FactorAnswer<'_>,
    ) -> Result<Refreshed, FirebaseError> {
        let body = match answer {
            FactorAnswer::Sms { session, code } => serde_json::json!({
                "mfaPendingCredential": pending, "phoneVerificationInfo": {"sessionInfo": session, "code": code},
            }),
            FactorAnswer::Totp { factor, code } => serde_json::json!({
                "mfaPendingCredential": pending, "mfaEnrollmentId": factor, "totpVerificationInfo": {"verificationCode": code},
            }),
        };
        let answer: FinishAnswer = self
            .call_second_factor("accounts/mfaSignIn:finalize", body)
            .await?;
        Ok(Refreshed {
            id_token: answer.id_token,
            refresh_token: answer.refresh_token,
            expires_in: answer.expires_in.unwrap_or_else(|| ID_TOKEN_SECONDS.to_owned()),
        })
    }
}
