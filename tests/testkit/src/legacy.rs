//! A stand-in for the legacy auth service, on the same database: its whole contract with its shapes, statuses and quirks, and faults on
//! demand.
//!
//! | route | file | worth knowing |
//! |---|---|---|
//! | `POST /auth/register`, `/auth/register/batch` | `register` | a taken address is 400; the batch is public, and an address twice in it is 500 |
//! | `POST /auth/login` | `login` | 404 for an unknown address, 401 for a wrong password, 500 where no hash is stored |
//! | `GET` `PUT` `DELETE /auth/profile` | `profile` | a new e-mail address is checked and ignored |
//! | `DELETE /auth/account`, `POST /auth/logout` | `account` | `data.data`; signing out changes nothing |
//! | `POST /auth/change-password` | `account` | a wrong current password is 500 |
//! | `GET` `PUT /auth/token-balance` | `balance` | read, changed and written without a lock; negative amounts are taken |
//! | `POST /auth/verify-token` | `verify` | 200 in any case, `data.valid` says which; an outage is `valid: false` |
//! | `GET` `POST /auth/schools` | `schools` | |
//! | `GET /health`, `/health/{ready,live,metrics}`, `/` | `health` | |
//! | `GET` `POST /control` | `faults` | ours: how it is to misbehave |
//!
//! On routes that read the `Authorization` header, a database outage is 401. Left out: the security headers, and the real answer to a body
//! that is not JSON (here it counts as empty).

mod account;
mod answer;
mod balance;
mod bearer;
mod faults;
mod health;
mod input;
mod login;
mod passwords;
mod port;
mod profile;
mod register;
mod schools;
mod user_cache;
mod users;
mod verify;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware;
use axum::routing::{delete, get, post};
use sqlx::PgPool;

pub use faults::{Control, Faults};
pub use port::serve;
use user_cache::UserCache;

const BODY_BYTES: usize = 10 * 1024 * 1024;

/// The settings of the service.
#[derive(Clone)]
pub struct Settings {
    /// The HS256 secret of its tokens.
    pub jwt_secret: Vec<u8>,
    /// The key that a service must present to change a balance.
    pub service_key: String,
    /// The tokens of a new user.
    pub default_token_balance: i32,
    /// Whether verification remembers users for an hour, as the real service does, even if their rows change meanwhile.
    pub user_cache: bool,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

struct Service {
    pool: PgPool,
    settings: Settings,
    cache: Option<Mutex<UserCache>>,
    started: Instant,
}

type Shared = State<Arc<Service>>;

/// The routes, over `pool`; they misbehave as `control` says. `/control` is one of them and never misbehaves.
pub fn router(pool: PgPool, settings: Settings, control: &Control) -> Router {
    let cache = settings.user_cache.then(|| Mutex::new(UserCache::new()));
    let service = Arc::new(Service {
        pool,
        settings,
        cache,
        started: Instant::now(),
    });
    Router::new()
        .route("/auth/register", post(register::one))
        .route("/auth/register/batch", post(register::batch))
        .route("/auth/login", post(login::login))
        .route(
            "/auth/profile",
            get(profile::show).put(profile::change).delete(profile::remove),
        )
        .route("/auth/account", delete(account::close))
        .route("/auth/change-password", post(account::change_password))
        .route("/auth/logout", post(account::logout))
        .route("/auth/token-balance", get(balance::show).put(balance::change))
        .route("/auth/verify-token", post(verify::verify))
        .route("/auth/schools", get(schools::list).post(schools::add))
        .route("/health", get(health::overview))
        .route("/health/ready", get(health::ready))
        .route("/health/live", get(health::live))
        .route("/health/metrics", get(health::metrics))
        .route("/", get(health::root))
        .fallback(answer::no_route)
        .method_not_allowed_fallback(answer::no_route)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(service)
        .layer(middleware::from_fn(answer::dress))
        .layer(middleware::from_fn_with_state(control.clone(), faults::misbehave))
        .merge(control.router())
}
