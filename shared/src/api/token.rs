//! The answer to the verification of a token.

use serde::Serialize;

use super::user::User;
use crate::identity::TokenKind;

/// A token that is good, and its user.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VerifiedToken {
    /// Always `true`: a token that is not good is a failure. Callers of the older contract look at this field.
    pub valid: bool,
    /// The user.
    pub user: User,
    /// The user's Firebase uid, once linked.
    #[serde(rename = "firebaseUid")]
    pub firebase_uid: Option<String>,
    /// The user's e-mail address.
    pub email: Option<String>,
    /// Whether Firebase calls the address verified.
    #[serde(rename = "emailVerified")]
    pub email_verified: bool,
    /// `exp`, in seconds since 1970.
    #[serde(rename = "tokenExpiration")]
    pub token_expiration: i64,
    /// `iat`, in seconds since 1970.
    #[serde(rename = "issuedAt")]
    pub issued_at: i64,
    /// Which kind of token it is.
    pub token_kind: TokenKind,
}
