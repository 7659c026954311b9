//! A stand-in for Google's account services. It does what the Auth emulator does not do as production does: it checks imported bcrypt
//! hashes, signs its tokens, honours revocation, has quotas, throttles, a policy, blocking functions and second factors, and can fail in
//! every shape on demand. In memory, written from
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v1/projects.accounts>,
//! <https://cloud.google.com/identity-platform/docs/use-rest-api>,
//! <https://firebase.google.com/docs/auth/admin/import-users> and
//! <https://developers.google.com/identity/protocols/oauth2/service-account>.
//!
//! | route | does |
//! |---|---|
//! | `POST /identitytoolkit.googleapis.com/v1/accounts:{signUp, signInWithPassword, signInWithCustomToken, lookup, update, delete, sendOobCode, resetPassword}` | what any client may, by `?key=` |
//! | `POST /identitytoolkit.googleapis.com/v1/projects/{project}/accounts`, `…/accounts:{lookup, update, delete, batchCreate, batchDelete}`, `GET …/accounts:batchGet` | what a service account may |
//! | `POST /identitytoolkit.googleapis.com/v1/projects/{project}:createSessionCookie` | a session cookie for an ID token, as a service account may |
//! | `POST /identitytoolkit.googleapis.com/v2/accounts/mfaSignIn:{start, finalize}` | the second step of a sign-in |
//! | `POST /securetoken.googleapis.com/v1/token` | new tokens for a refresh token |
//! | `POST /token` | an access token for a service account's assertion (RFC 7523) |
//! | `POST /sts/v1/token`, `POST /iam/v1/projects/-/serviceAccounts/{mail}:{generateAccessToken, signBlob}`, `GET /computeMetadata/v1/…` | access tokens without a key |
//! | `PUT /aws/token`, `GET /aws/…` | the metadata server of an AWS instance |
//! | `GET /jwks`, `GET /jwks/session-cookies` | the keys that its ID tokens and its session cookies are signed with |
//! | `GET /emulator/v1/projects/{project}/oobCodes` | the mails "sent", as the emulator shows them |
//! | `GET /variables` | what the origin has to be told, by name |
//! | `GET /control`, `POST /control` | counts and settings; changes what is named ([`Change`]) |

mod admin;
mod aws;
mod control;
mod factor;
mod faults;
mod form;
mod gate;
mod import;
mod keyless;
mod mfa;
mod oauth;
mod password;
mod provider;
mod public;
mod recovery;
mod refusal;
mod rules;
mod session;
mod session_cookie;
mod shape;
mod state;
mod store;
#[cfg(test)]
mod tests;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::keys::{Key, jwk_set};
use crate::serve;

pub use control::{Change, Quota};
pub use factor::Factor;
pub use keyless::{SUBJECT_TOKEN, USER_REFRESH_TOKEN};
pub use mfa::{SMS_CODE, TOTP_CODE};
pub use refusal::Failure;
pub use rules::{Blocking, Policy, Throttle};
pub use shape::{Arrival, Shape};
use state::Shared;

/// The API key that clients present.
pub const API_KEY: &str = "stand-in-api-key";
/// A batch of 1,000 accounts has some 300 KiB.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// A running stand-in. Ends when dropped.
#[derive(Debug)]
pub struct IdentityToolkit {
    shared: Shared,
    task: JoinHandle<()>,
}

impl IdentityToolkit {
    /// Starts one for `project` on a free port of this machine.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(project: &str) -> std::io::Result<Self> {
        let listener = serve::bind_any().await?;
        let address = listener.local_addr()?;
        let shared = Shared::new(project, &format!("http://{address}"));
        let task = tokio::spawn(serve::serve(listener, routes(shared.clone())));
        Ok(Self { shared, task })
    }

    /// The environment variables for the program under test.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        variables(&self.shared)
    }

    /// Changes how it answers from now on.
    pub fn change(&self, change: Change) {
        self.shared.change(change);
    }

    /// How often a method was called, whatever the answer was. Names are Google's: `accounts.signInWithPassword`, `projects.accounts`,
    /// `projects.accounts.lookup`, `token`, `oauth2.token`.
    #[must_use]
    pub fn calls(&self, method: &str) -> u64 {
        self.shared.faults().calls(method)
    }

    /// Every account, in the order of their ids, as an administrator sees it.
    #[must_use]
    pub fn accounts(&self) -> Vec<Value> {
        self.shared
            .store()
            .accounts()
            .map(store::Account::shown)
            .collect()
    }

    /// The mails sent and not used yet, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Value> {
        self.shared
            .store()
            .mails()
            .iter()
            .map(store::Mail::shown)
            .collect()
    }

    /// The newest action code mailed to `email`.
    #[must_use]
    pub fn mailed_code(&self, email: &str) -> Option<String> {
        self.shared.store().newest_code(email)
    }
}

impl Drop for IdentityToolkit {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The routes with their own state, for a server at `base` (`http://host:port`): what the binary serves.
pub fn router(project: &str, base: &str) -> Router {
    routes(Shared::new(project, base))
}

fn variables(shared: &Shared) -> Vec<(&'static str, String)> {
    let base = shared.base();
    vec![
        ("FIREBASE_PROJECT_ID", shared.project().to_owned()),
        ("FIREBASE_API_KEY", API_KEY.to_owned()),
        ("FIREBASE_AUTH_EMULATOR_HOST", String::new()),
        ("FIREBASE_JWKS_URL", format!("{base}/jwks")),
        (
            "FIREBASE_SESSION_COOKIE_JWKS_URL",
            format!("{base}/jwks/session-cookies"),
        ),
        (
            "FIREBASE_IDENTITY_TOOLKIT_URL",
            format!("{base}/identitytoolkit.googleapis.com"),
        ),
        (
            "FIREBASE_SECURE_TOKEN_URL",
            format!("{base}/securetoken.googleapis.com"),
        ),
        ("FIREBASE_IAM_URL", format!("{base}/iam")),
        ("FIREBASE_TOKEN_URI", format!("{base}/token")),
        ("FIREBASE_CLIENT_EMAIL", shared.service_account().to_owned()),
        (
            "FIREBASE_PRIVATE_KEY",
            Key::named("service-account").map_or_else(String::new, |key| key.pem().to_owned()),
        ),
    ]
}

fn routes(shared: Shared) -> Router {
    let google = Router::new()
        .merge(public::routes())
        .merge(recovery::routes())
        .merge(admin::routes())
        .merge(import::routes())
        .merge(session_cookie::routes(shared.project()))
        .merge(mfa::routes())
        .merge(keyless::routes())
        .route("/securetoken.googleapis.com/v1/token", post(session::refresh))
        .route("/token", post(oauth::grant))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .route_layer(middleware::from_fn_with_state(shared.clone(), gate::pass));
    Router::new()
        .merge(google)
        .route("/jwks", get(|| keys("issuer-a")))
        .route("/jwks/session-cookies", get(|| keys("cookies")))
        .route("/variables", get(shown_variables))
        .route("/emulator/v1/projects/{project}/oobCodes", get(recovery::mails))
        .route("/control", get(show).post(change))
        .with_state(shared)
}

async fn shown_variables(State(shared): State<Shared>) -> Json<Value> {
    Json(
        variables(&shared)
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect(),
    )
}

async fn keys(name: &str) -> axum::response::Response {
    let caching = [(header::CACHE_CONTROL, "public, max-age=3600, must-revalidate")];
    (caching, Json(jwk_set(Key::named(name)))).into_response()
}

async fn show(State(shared): State<Shared>) -> Json<Value> {
    let (accounts, addresses) = {
        let store = shared.store();
        (store.len(), store.addresses())
    };
    let mut shown = shared.faults().shown();
    shown["accounts"] = json!(accounts);
    shown["addresses"] = json!(addresses);
    shown["project"] = json!(shared.project());
    Json(shown)
}

async fn change(State(shared): State<Shared>, Json(change): Json<Change>) -> Json<Value> {
    shared.change(change);
    show(State(shared)).await
}
