//! The legacy contract, `/auth/*`: what old clients call, in the shapes they know.
//!
//! Codes and statuses are those of the legacy service, quirks included. Departed from on purpose: an outage is 503 and not
//! 401, a disabled account 403, a wrong current password 400 and not 500, a missing hash 401 and not 500, negative amounts
//! are refused, and registering in batches needs a service key.

mod account;
mod batch;
mod bodies;
mod caller;
pub(super) mod contract;
mod failure;
mod login;
mod password;
mod profile;
mod profile_json;
mod register;
mod schools;
mod token_balance;
mod verify_token;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::app::AppState;

/// The routes of the legacy contract.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/auth/register", post(register::register))
        .route("/auth/register/batch", post(batch::register_batch))
        .route("/auth/login", post(login::login))
        .route(
            "/auth/profile",
            get(profile::show).put(profile::change).delete(profile::remove),
        )
        .route("/auth/account", delete(account::close))
        .route("/auth/change-password", post(password::change_password))
        .route("/auth/logout", post(account::logout))
        .route(
            "/auth/token-balance",
            get(token_balance::show).put(token_balance::change),
        )
        .route("/auth/verify-token", post(verify_token::verify_token))
        .route("/auth/schools", get(schools::list).post(schools::add))
}
