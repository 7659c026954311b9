//! `accounts:batchCreate`: imports accounts with the hashes of their passwords.
//!
//! <https://firebase.google.com/docs/auth/admin/import-users>: Google looks nothing up first. The same uid replaces the account, the same
//! address under another uid makes a second one; Google reports bad entries by their index and imports the rest.

use std::collections::HashSet;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::admin::{imported_email, is_uid};
use super::factor::Factor;
use super::password::StoredPassword;
use super::refusal::Refusal;
use super::state::{Administrator, Shared};
use super::store::{Account, Store, canonical};
use crate::tokens::now;

/// `MAX_UPLOAD_ACCOUNT_BATCH_SIZE` of Google's own libraries.
const MAX_ACCOUNTS: usize = 1_000;
/// The one hash algorithm that is checked here.
const BCRYPT: &str = "BCRYPT";

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route(
            "/identitytoolkit.googleapis.com/v1/projects/{project}/accounts:batchCreate",
            post(batch_create),
        )
        .route(
            "/identitytoolkit.googleapis.com/v1/projects/{project}/tenants/{tenant}/accounts:batchCreate",
            post(batch_create),
        )
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Batch {
    users: Vec<User>,
    hash_algorithm: Option<String>,
    /// Refuses the whole batch for an address that comes twice, and a user for an address that is taken. Off unless the caller asks for it.
    sanity_check: bool,
    /// Google's reference calls overwriting optional, its guide says it happens: a caller who does not say gets the worse.
    allow_overwrite: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct User {
    local_id: Option<String>,
    email: Option<String>,
    email_verified: bool,
    display_name: Option<String>,
    photo_url: Option<String>,
    disabled: bool,
    password_hash: Option<String>,
    custom_attributes: Option<String>,
    created_at: Option<String>,
    last_login_at: Option<String>,
    mfa_info: Vec<ImportedFactor>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ImportedFactor {
    mfa_enrollment_id: String,
    phone_info: Option<String>,
}

async fn batch_create(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(batch): Json<Batch>,
) -> Result<Json<Value>, Refusal> {
    if batch.users.is_empty() {
        return Err(Refusal::bad("MISSING_USER_ACCOUNT"));
    }
    if batch.users.len() > MAX_ACCOUNTS {
        return Err(Refusal::bad("BATCH_SIZE_EXCEEDED : at most 1000 accounts a call"));
    }
    let hashes = batch.users.iter().any(|user| user.password_hash.is_some());
    if hashes && batch.hash_algorithm.as_deref() != Some(BCRYPT) {
        return Err(Refusal::bad("INVALID_HASH_ALGORITHM"));
    }
    if batch.sanity_check {
        let mut seen = HashSet::new();
        for email in batch.users.iter().filter_map(|user| user.email.as_deref()) {
            if !seen.insert(canonical(email)) {
                return Err(Refusal::bad(format!("DUPLICATE_EMAIL : {email}")));
            }
        }
    }
    let overwrite = batch.allow_overwrite.unwrap_or(true);
    let mut errors = Vec::new();
    let mut store = shared.store();
    for (index, user) in batch.users.into_iter().enumerate() {
        match account(user, &store, overwrite, batch.sanity_check) {
            Ok(account) => store.put(account),
            Err(message) => errors.push(json!({"index": index, "message": message})),
        }
    }
    let mut answer = json!({"kind": "identitytoolkit#UploadAccountResponse"});
    if !errors.is_empty() {
        answer["error"] = json!(errors);
    }
    Ok(Json(answer))
}

fn account(user: User, store: &Store, overwrite: bool, checked: bool) -> Result<Account, &'static str> {
    let local_id = user
        .local_id
        .filter(|uid| is_uid(uid))
        .ok_or("localId is missing")?;
    if !overwrite && store.by_id(&local_id).is_some() {
        return Err("localId belongs to an existing account - can not overwrite.");
    }
    let email = match user.email.as_deref() {
        Some(email) => Some(imported_email(email).ok_or("email is invalid")?),
        None => None,
    };
    let holder = email.as_deref().and_then(|email| store.by_email(email));
    if checked && holder.is_some_and(|holder| holder.local_id != local_id) {
        return Err("email exists in other account in database");
    }
    let password = match user.password_hash.as_deref() {
        Some(encoded) => Some(StoredPassword::imported(encoded).ok_or("Invalid base64 in passwordHash")?),
        None => None,
    };
    if user.mfa_info.iter().any(|factor| factor.phone_info.is_none()) {
        return Err("Importing TOTP MFA is not supported.");
    }
    let factors = user.mfa_info.into_iter().map(|factor| Factor {
        id: factor.mfa_enrollment_id,
        phone: factor.phone_info,
    });
    let millis = |text: Option<String>| text.and_then(|text| text.parse::<i64>().ok());
    let at = now();
    Ok(Account {
        local_id,
        email,
        email_verified: user.email_verified,
        display_name: user.display_name,
        photo_url: user.photo_url,
        disabled: user.disabled,
        password_updated_at: password.is_some().then_some(at.saturating_mul(1_000)),
        password,
        custom_attributes: user.custom_attributes,
        valid_since: at,
        providers: Vec::new(),
        created_at: millis(user.created_at).unwrap_or_else(|| at.saturating_mul(1_000)),
        last_login_at: millis(user.last_login_at),
        factors: factors.collect(),
    })
}
