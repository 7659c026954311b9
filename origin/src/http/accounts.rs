//! `/v1/auth/*`: registering, signing in, and what people do with their own account.

mod confirmation;
pub(super) mod contract;
mod exchange;
mod profile;
mod recovery;
mod removal;
mod second_factor;
mod session;

use axum::Router;
use axum::routing::{delete, patch, post};
use serde::Serialize;
use shared::api::user::User;
use users::accounts::SignedInUser;

use crate::app::AppState;

/// The routes of accounts.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/v1/auth/register", post(session::register))
        .route("/v1/auth/login", post(session::login))
        .route("/v1/auth/mfa/start", post(second_factor::start))
        .route("/v1/auth/mfa/finish", post(second_factor::finish))
        .route("/v1/auth/refresh", post(session::refresh))
        .route("/v1/auth/exchange", post(exchange::exchange))
        .route("/v1/auth/confirm-password", post(confirmation::confirm))
        .route("/v1/auth/logout", post(session::logout))
        .route("/v1/auth/profile", patch(profile::change))
        .route("/v1/auth/user", delete(removal::remove))
        .route("/v1/auth/verify-email", post(recovery::verify_email))
        .route("/v1/auth/forgot-password", post(recovery::forgot_password))
        .route("/v1/auth/reset-password", post(recovery::reset_password))
}

/// Somebody who has just signed in.
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
    /// Seconds the ID token is good for, as Google writes them.
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
