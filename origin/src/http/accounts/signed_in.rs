//! What every kind of sign-in answers.

use serde::Serialize;
use shared::api::user::User;
use shared::problem::ErrorCode;
use users::accounts::SignedInUser;

/// The failures of every sign-in, once Firebase has let the user in.
pub const OF_SIGN_IN: [ErrorCode; 4] = [
    ErrorCode::UserDisabled,
    ErrorCode::TokenRevoked,
    ErrorCode::AccountLinkConflict,
    ErrorCode::DatabaseUnavailable,
];

/// A user who has just signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    uid: String,
    email: Option<String>,
    display_name: Option<String>,
    #[serde(rename = "photoURL")]
    photo_url: Option<String>,
    id_token: String,
    refresh_token: String,
    /// Seconds until the ID token expires, as text (`"3600"`).
    expires_in: String,
    user: User,
}

impl From<SignedInUser> for Session {
    fn from(signed_in: SignedInUser) -> Self {
        let user = signed_in.user.into_user();
        Self {
            uid: signed_in.tokens.uid,
            email: user.email.clone(),
            display_name: user.display_name.clone(),
            photo_url: user.photo_url.clone(),
            id_token: signed_in.tokens.id_token,
            refresh_token: signed_in.tokens.refresh_token,
            expires_in: signed_in.tokens.expires_in,
            user,
        }
    }
}
