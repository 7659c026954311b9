//! `/v1/auth/*`: registration, sign-in, and users' operations on their own account.

mod confirmation;
mod exchange;
mod profile;
mod recovery;
mod removal;
mod second_factor;
mod session;
mod signed_in;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) use signed_in::OF_SIGN_IN;

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
