//! Google's JSON.

use serde::{Deserialize, Serialize};
use shared::api::second_factor::EnrolledFactor;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PasswordRequest<'a> {
    pub email: &'a str,
    pub password: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    pub return_secure_token: bool,
}

/// A sign-in, its first step, or neither: a 200 may carry an error.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SignInAnswer {
    pub local_id: String,
    pub id_token: Option<String>,
    pub refresh_token: Option<String>,
    pub expires_in: Option<String>,
    pub mfa_pending_credential: Option<String>,
    pub mfa_info: Vec<EnrolledFactor>,
    pub error_message: Option<String>,
    pub need_confirmation: bool,
}

#[derive(Deserialize)]
pub(super) struct RefreshAnswer {
    pub id_token: String,
    pub refresh_token: String,
    pub expires_in: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountRequest<'a> {
    pub local_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_user: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_since: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct LookupAnswer {
    #[serde(default)]
    pub users: Vec<LookupAccount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LookupAccount {
    pub local_id: String,
    pub email: Option<String>,
    #[serde(default)]
    pub email_verified: bool,
    pub display_name: Option<String>,
    pub photo_url: Option<String>,
    #[serde(default)]
    pub disabled: bool,
    pub password_updated_at: Option<serde_json::Number>,
    pub valid_since: Option<String>,
    #[serde(default)]
    pub mfa_info: Vec<serde_json::Value>,
    /// Milliseconds since 1970.
    pub created_at: Option<String>,
    /// Present when the account has a password; the value is not read.
    pub password_hash: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    pub provider_user_info: Vec<ProviderInfo>,
}

/// A way to sign in to an account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderInfo {
    pub provider_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportRequest<'a> {
    pub hash_algorithm: &'static str,
    pub users: [ImportedUser<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImportedUser<'a> {
    pub local_id: &'a str,
    pub email: &'a str,
    pub email_verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<&'a str>,
    pub password_hash: String,
}

#[derive(Deserialize)]
pub(super) struct ImportAnswer {
    #[serde(default)]
    pub error: Vec<ImportFailure>,
}

#[derive(Deserialize)]
pub(super) struct ImportFailure {
    #[serde(default)]
    pub message: String,
}

#[derive(Deserialize)]
pub(super) struct ResetAnswer {
    pub email: Option<String>,
}

/// An answer; its content is not used.
#[derive(Deserialize)]
pub(super) struct Ignored {}

impl<'a> AccountRequest<'a> {
    pub(super) const fn of(local_id: &'a str) -> Self {
        Self {
            local_id,
            email: None,
            email_verified: None,
            password: None,
            display_name: None,
            photo_url: None,
            disable_user: None,
            valid_since: None,
        }
    }
}
