//! A sign-in that waits for its second factor, in the shape that Google's own SDKs read:
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v1/accounts/signInWithPassword>.

use serde::{Deserialize, Serialize};

/// What a client needs to finish a sign-in with a second factor: by `POST /v1/auth/mfa/…`, or by Google's own calls.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorChallenge {
    /// Stands for the password that was right. A credential, good for a few minutes.
    pub mfa_pending_credential: String,
    /// The factors to choose from.
    pub mfa_info: Vec<EnrolledFactor>,
}

/// One factor of an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EnrolledFactor {
    /// Its name in later calls.
    pub mfa_enrollment_id: String,
    /// The name that the user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolled_at: Option<String>,
    /// A telephone number of which only the last digits are shown. Present for a factor by SMS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_info: Option<String>,
    /// An empty object. Present for a factor by one-time passwords (RFC 6238).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_info: Option<TotpInfo>,
}

/// Empty: Google tells nothing about a factor by one-time passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TotpInfo {}

// `Debug` shows neither the credential nor a telephone number, so that no log holds them.
impl std::fmt::Debug for SecondFactorChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactorChallenge")
            .field("factors", &self.mfa_info.len())
            .finish_non_exhaustive()
    }
}
impl std::fmt::Debug for EnrolledFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolledFactor").finish_non_exhaustive()
    }
}
