//! The legacy contract, `/auth/*`: the routes of old clients, in the shapes that they know.
//!
//! Codes and statuses are those of the legacy service, quirks included. Intentional differences: an outage is 503 and not 401, a disabled
//! account 403, a wrong current password 400 and not 500, a missing hash 401 and not 500, negative amounts are refused, and batch
//! registration requires a service key.

mod account;
mod batch;
mod caller;
mod failure;
mod login;
mod password;
mod profile;
mod profile_json;
mod register;
mod schools;
mod token_balance;
mod verify_token;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

/// The routes of the legacy contract.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(batch::register_batch))
        .routes(routes!(login::login))
        .routes(routes!(profile::show, profile::change, profile::remove))
        .routes(routes!(account::close))
        .routes(routes!(password::change_password))
        .routes(routes!(account::logout))
        .routes(routes!(token_balance::show, token_balance::change))
        .routes(routes!(verify_token::verify_token))
        .routes(routes!(schools::list, schools::add))
}
