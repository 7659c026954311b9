//! The calls of any client, with the project's API key and a password or an ID token.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::password::StoredPassword;
use super::refusal::Refusal;
use super::session::{Tokens, random, verified_claims};
use super::state::{Client, Shared};
use super::store::{Account, canonical};
use crate::keys::Key;
use crate::tokens::now;

/// The audience of a custom token.
const CUSTOM_TOKEN_AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
/// Google's own minimum.
const SHORTEST_PASSWORD: usize = 6;

pub(super) fn routes() -> Router<Shared> {
    let route = |method: &str| format!("/identitytoolkit.googleapis.com/v1/accounts:{method}");
    Router::new()
        .route(&route("signUp"), post(sign_up))
        .route(&route("signInWithPassword"), post(sign_in))
        .route(&route("signInWithCustomToken"), post(sign_in_with_custom_token))
        .route(&route("lookup"), post(lookup))
        .route(&route("update"), post(update))
        .route(&route("delete"), post(delete))
}

/// The fields that clients send; each method reads its own.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Given {
    pub id_token: Option<String>,
    pub local_id: Option<String>,
    pub email: Option<String>,
    pub password: Option<String>,
    pub display_name: Option<String>,
    pub photo_url: Option<String>,
    pub return_secure_token: bool,
    pub token: Option<String>,
}

async fn sign_up(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    if given.local_id.is_some() {
        return Err(Refusal::bad("UNEXPECTED_PARAMETER : User ID"));
    }
    let email = valid_email(given.email.as_deref())?;
    let password = new_password(given.password.as_deref())?;
    shared.allows(&password)?;
    let password = hashed(password).await?;
    let at = now();
    let account = Account {
        local_id: random().chars().take(28).collect(),
        email: Some(email.clone()),
        display_name: given.display_name,
        password: Some(password),
        valid_since: at,
        created_at: at.saturating_mul(1_000),
        password_updated_at: Some(at.saturating_mul(1_000)),
        ..Account::default()
    };
    let local_id = account.local_id.clone();
    {
        let mut store = shared.store();
        if store.by_email(&email).is_some() {
            return Err(Refusal::bad("EMAIL_EXISTS"));
        }
        store.put(account);
    }
    let tokens = shared.sign_in(&local_id)?;
    Ok(Json(signed_in(
        "identitytoolkit#SignupNewUserResponse",
        &local_id,
        &email,
        &tokens,
    )))
}

async fn sign_in(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    let email = valid_email(given.email.as_deref())?;
    let password = given.password.filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| Refusal::bad("MISSING_PASSWORD"))?;
    let privacy = shared.faults().email_privacy;
    let refused = |open: &str| {
        Refusal::bad(if privacy {
            "INVALID_LOGIN_CREDENTIALS"
        } else {
            open
        })
    };
    let throttle = shared.faults().throttle;
    shared.store().attempts.check(throttle, &email)?;
    let account = shared.store().by_email(&email).cloned();
    let Some(account) = account else {
        shared.store().attempts.note_wrong(&email);
        return Err(refused("EMAIL_NOT_FOUND"));
    };
    if account.disabled {
        return Err(Refusal::bad("USER_DISABLED"));
    }
    let right = match &account.password {
        Some(stored) => stored.is(password.clone()).await,
        None => false,
    };
    if !right {
        shared.store().attempts.note_wrong(&email);
        return Err(refused("INVALID_PASSWORD"));
    }
    let policy = shared.faults().policy;
    if policy.force_upgrade {
        policy.check(&password)?;
    }
    if !account.factors.is_empty() {
        return Ok(Json(super::mfa::first_step(&shared, &account)));
    }
    shared.faults().blocking.ask()?;
    let tokens = shared.sign_in(&account.local_id)?;
    let mut answer = signed_in(
        "identitytoolkit#VerifyPasswordResponse",
        &account.local_id,
        &email,
        &tokens,
    );
    answer["registered"] = json!(true);
    if let Some(name) = account.display_name {
        answer["displayName"] = json!(name);
    }
    Ok(Json(answer))
}

/// Signs in the user named by the service account; an unknown uid makes an account.
async fn sign_in_with_custom_token(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    let token = given.token.ok_or_else(|| Refusal::bad("MISSING_CUSTOM_TOKEN"))?;
    let invalid = || Refusal::bad("INVALID_CUSTOM_TOKEN");
    let key = Key::named("service-account").ok_or_else(invalid)?;
    let claims = verified_claims(&token, key).ok_or_else(invalid)?;
    let (account, now) = (shared.service_account(), now());
    if claims["iss"] != account || claims["sub"] != account || claims["aud"] != CUSTOM_TOKEN_AUDIENCE {
        return Err(Refusal::bad("CREDENTIAL_MISMATCH"));
    }
    if claims["tenant_id"].as_str() != shared.faults().tenant.as_deref() {
        return Err(Refusal::bad("TENANT_ID_MISMATCH"));
    }
    if claims["exp"].as_i64().is_none_or(|expires| expires <= now) {
        return Err(invalid());
    }
    let uid = claims["uid"]
        .as_str()
        .filter(|uid| (1..=128).contains(&uid.chars().count()))
        .ok_or_else(invalid)?;
    let is_new = {
        let mut store = shared.store();
        match store.by_id(uid) {
            Some(account) if account.disabled => return Err(Refusal::bad("USER_DISABLED")),
            Some(_) => false,
            None => {
                store.put(Account {
                    local_id: uid.to_owned(),
                    valid_since: now,
                    created_at: now.saturating_mul(1_000),
                    ..Account::default()
                });
                true
            }
        }
    };
    let tokens = shared.sign_in(uid)?;
    Ok(Json(json!({
        "kind": "identitytoolkit#VerifyCustomTokenResponse",
        "idToken": tokens.id_token,
        "refreshToken": tokens.refresh_token,
        "expiresIn": tokens.expires_in,
        "isNewUser": is_new,
    })))
}

async fn lookup(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    let account = shared.holder(&id_token(given.id_token)?)?;
    let mut shown = account.shown();
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("passwordHash");
    }
    Ok(Json(
        json!({"kind": "identitytoolkit#GetAccountInfoResponse", "users": [shown]}),
    ))
}

/// A new password or address voids earlier sign-ins, so new tokens come with the answer.
async fn update(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    let account = shared.holder(&id_token(given.id_token)?)?;
    let password = match given.password.as_deref() {
        Some(text) => {
            shared.allows(text)?;
            Some(hashed(new_password(Some(text))?).await?)
        }
        None => None,
    };
    let renewed = password.is_some();
    shared.store().change(&account.local_id, |account| {
        if password.is_some() {
            account.valid_since = now();
            account.password_updated_at = Some(now().saturating_mul(1_000));
            account.password = password;
        }
        account.display_name = given.display_name.or_else(|| account.display_name.take());
        account.photo_url = given.photo_url.or_else(|| account.photo_url.take());
    });
    let mut answer = json!({"kind": "identitytoolkit#SetAccountInfoResponse", "localId": account.local_id});
    if renewed && given.return_secure_token {
        let tokens = shared.sign_in(&account.local_id)?;
        answer["idToken"] = json!(tokens.id_token);
        answer["refreshToken"] = json!(tokens.refresh_token);
        answer["expiresIn"] = json!(tokens.expires_in);
    }
    Ok(Json(answer))
}

async fn delete(
    State(shared): State<Shared>,
    _client: Client,
    Json(given): Json<Given>,
) -> Result<Json<Value>, Refusal> {
    let account = shared.holder(&id_token(given.id_token)?)?;
    shared.store().remove(&account.local_id);
    Ok(Json(json!({"kind": "identitytoolkit#DeleteAccountResponse"})))
}

fn signed_in(kind: &str, local_id: &str, email: &str, tokens: &Tokens) -> Value {
    json!({
        "kind": kind,
        "localId": local_id,
        "email": email,
        "idToken": tokens.id_token,
        "refreshToken": tokens.refresh_token,
        "expiresIn": tokens.expires_in,
    })
}

fn id_token(given: Option<String>) -> Result<String, Refusal> {
    given.ok_or_else(|| Refusal::bad("MISSING_ID_TOKEN"))
}

/// An address in lower case.
pub(super) fn valid_email(given: Option<&str>) -> Result<String, Refusal> {
    let email = given.ok_or_else(|| Refusal::bad("MISSING_EMAIL"))?;
    if is_email(email) {
        Ok(canonical(email))
    } else {
        Err(Refusal::bad("INVALID_EMAIL"))
    }
}

/// One `@` with text on both sides: enough to recognise an address.
pub(super) fn is_email(text: &str) -> bool {
    let blank = text.chars().any(|c| c.is_whitespace() || c.is_control());
    text.len() <= 256
        && !blank
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

pub(super) fn new_password(given: Option<&str>) -> Result<String, Refusal> {
    let password = given
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::bad("MISSING_PASSWORD"))?;
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(Refusal::bad(
            "WEAK_PASSWORD : Password should be at least 6 characters",
        ));
    }
    Ok(password.to_owned())
}

impl Shared {
    /// Refuses a new password that breaks the project's policy.
    pub(super) fn allows(&self, password: &str) -> Result<(), Refusal> {
        let policy = self.faults().policy;
        policy.check(password)
    }
}

pub(super) async fn hashed(password: String) -> Result<StoredPassword, Refusal> {
    StoredPassword::of(password)
        .await
        .ok_or_else(|| Refusal::new(500, "INTERNAL_ERROR"))
}
