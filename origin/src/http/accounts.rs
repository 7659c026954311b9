//! `/v1/auth/*`: registration, sign-in, and users' operations on their own account.

mod confirmation;
mod exchange;
mod profile;
mod recovery;
mod removal;
mod second_factor;
mod session;

use serde::Serialize;
use shared::api::user::User;
use shared::problem::ErrorCode;
use users::accounts::SignedInUser;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

/// The routes of accounts.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(session::register))
        .routes(routes!(session::login))
        .routes(routes!(second_factor::start))
        .routes(routes!(second_factor::finish))
        .routes(routes!(session::refresh))
        .routes(routes!(exchange::exchange))
        .routes(routes!(confirmation::confirm))
        .routes(routes!(session::logout))
        .routes(routes!(profile::change))
        .routes(routes!(removal::remove))
        .routes(routes!(recovery::verify_email))
        .routes(routes!(recovery::forgot_password))
        .routes(routes!(recovery::reset_password))
}

/// The failures of every sign-in, once Firebase has let the user in.
pub(super) const OF_SIGN_IN: [ErrorCode; 4] = [
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
