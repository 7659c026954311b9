//! The calls of a service account, about any account.

use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::password::StoredPassword;
use super::public::{hashed, new_password, valid_email};
use super::refusal::Refusal;
use super::session::random;
use super::state::{Administrator, Shared};
use super::store::{Account, canonical};
use crate::tokens::now;

/// The most accounts of one look-up: `MAX_GET_ACCOUNTS_BATCH_SIZE` of Google's own libraries.
const MAX_LOOKUP: usize = 100;
/// The most of one batch, and of one page.
const MAX_BATCH: usize = 1_000;

pub(super) fn routes() -> Router<Shared> {
    let mut routes = Router::new();
    for of in ["projects/{project}", "projects/{project}/tenants/{tenant}"] {
        let route = |method: &str| format!("/identitytoolkit.googleapis.com/v1/{of}/accounts{method}");
        routes = routes
            .route(&route(""), post(create))
            .route(&route(":lookup"), post(lookup))
            .route(&route(":update"), post(update))
            .route(&route(":delete"), post(delete))
            .route(&route(":batchDelete"), post(batch_delete))
            .route(&route(":batchGet"), get(batch_get));
    }
    routes
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    local_id: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    password: Option<String>,
    display_name: Option<String>,
    photo_url: Option<String>,
    disabled: Option<bool>,
    disable_user: Option<bool>,
    valid_since: Option<String>,
    custom_attributes: Option<String>,
}

/// The wanted address and hashed password, where each is legal.
async fn credentials(
    shared: &Shared,
    wanted: &Wanted,
) -> Result<(Option<String>, Option<StoredPassword>), Refusal> {
    let email = wanted.email.as_deref();
    let email = email.map(|email| valid_email(Some(email))).transpose()?;
    let Some(text) = wanted.password.as_deref() else {
        return Ok((email, None));
    };
    shared.allows(text)?;
    let password = hashed(new_password(Some(text))?).await?;
    Ok((email, Some(password)))
}

/// Checks and takes uid and address in one step: of two calls at once, one wins.
async fn create(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let (email, password) = credentials(&shared, &wanted).await?;
    if wanted.local_id.as_deref().is_some_and(|uid| !is_uid(uid)) {
        return Err(Refusal::bad("INVALID_LOCAL_ID"));
    }
    let at = now();
    let local_id = wanted
        .local_id
        .unwrap_or_else(|| random().chars().take(28).collect());
    let email_first = shared.faults().email_conflict_first;
    let mut store = shared.store();
    let id_taken = store.by_id(&local_id).is_some();
    let email_taken = email
        .as_deref()
        .is_some_and(|email| store.by_email(email).is_some());
    match (id_taken, email_taken) {
        (true, true) if email_first => return Err(Refusal::bad("EMAIL_EXISTS")),
        (true, _) => return Err(Refusal::bad("DUPLICATE_LOCAL_ID")),
        (false, true) => return Err(Refusal::bad("EMAIL_EXISTS")),
        (false, false) => {}
    }
    store.put(Account {
        local_id: local_id.clone(),
        email: email.clone(),
        email_verified: wanted.email_verified.unwrap_or(false),
        display_name: wanted.display_name,
        photo_url: wanted.photo_url,
        disabled: wanted.disabled.unwrap_or(false),
        password_updated_at: password.is_some().then_some(at.saturating_mul(1_000)),
        password,
        valid_since: at,
        created_at: at.saturating_mul(1_000),
        ..Account::default()
    });
    Ok(Json(
        json!({"kind": "identitytoolkit#SignupNewUserResponse", "localId": local_id, "email": email}),
    ))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sought {
    local_id: Vec<String>,
    email: Vec<String>,
}

/// For an unknown account Google answers without `users`, and does not refuse.
async fn lookup(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(sought): Json<Sought>,
) -> Result<Json<Value>, Refusal> {
    if sought.local_id.len().saturating_add(sought.email.len()) > MAX_LOOKUP {
        return Err(Refusal::bad(
            "TOO_MANY_IDENTIFIERS : at most 100 accounts a look-up",
        ));
    }
    let store = shared.store();
    let by_id = sought.local_id.iter().filter_map(|uid| store.by_id(uid));
    let by_email = sought.email.iter().filter_map(|email| store.by_email(email));
    let mut found: Vec<&Account> = Vec::new();
    for account in by_id.chain(by_email) {
        if !found.iter().any(|known| known.local_id == account.local_id) {
            found.push(account);
        }
    }
    let mut answer = json!({"kind": "identitytoolkit#GetAccountInfoResponse"});
    if !found.is_empty() {
        answer["users"] = found.into_iter().map(Account::shown).collect();
    }
    Ok(Json(answer))
}

/// A new password or address voids earlier sign-ins.
async fn update(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let Some(local_id) = wanted.local_id.clone() else {
        return Err(Refusal::bad("MISSING_LOCAL_ID"));
    };
    let (email, password) = credentials(&shared, &wanted).await?;
    let valid_since = wanted
        .valid_since
        .as_deref()
        .map(|text| {
            text.parse::<i64>()
                .map_err(|_| Refusal::bad("INVALID_VALID_SINCE"))
        })
        .transpose()?;
    let mut store = shared.store();
    let known = store
        .by_id(&local_id)
        .ok_or_else(|| Refusal::bad("USER_NOT_FOUND"))?;
    let moved = email.filter(|email| known.email.as_ref() != Some(email));
    if moved
        .as_deref()
        .is_some_and(|email| store.by_email(email).is_some())
    {
        return Err(Refusal::bad("EMAIL_EXISTS"));
    }
    store.change(&local_id, |account| {
        let voids = password.is_some() || moved.is_some();
        if password.is_some() {
            account.password_updated_at = Some(now().saturating_mul(1_000));
            account.password = password;
        }
        if moved.is_some() {
            // Whether the address is verified stays as it was, as at Google.
            account.email = moved;
        }
        if voids {
            account.valid_since = now();
        }
        account.valid_since = valid_since.unwrap_or(account.valid_since);
        account.email_verified = wanted.email_verified.unwrap_or(account.email_verified);
        account.disabled = wanted
            .disable_user
            .or(wanted.disabled)
            .unwrap_or(account.disabled);
        account.display_name = wanted.display_name.or_else(|| account.display_name.take());
        account.photo_url = wanted.photo_url.or_else(|| account.photo_url.take());
        account.custom_attributes = wanted
            .custom_attributes
            .or_else(|| account.custom_attributes.take());
    });
    Ok(Json(
        json!({"kind": "identitytoolkit#SetAccountInfoResponse", "localId": local_id}),
    ))
}

async fn delete(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let local_id = wanted.local_id.ok_or_else(|| Refusal::bad("MISSING_LOCAL_ID"))?;
    match shared.store().remove(&local_id) {
        Some(_) => Ok(Json(json!({"kind": "identitytoolkit#DeleteAccountResponse"}))),
        None => Err(Refusal::bad("USER_NOT_FOUND")),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Doomed {
    local_ids: Vec<String>,
    force: bool,
}

/// A missing account counts as deleted; an account that is not disabled is kept unless `force`d.
async fn batch_delete(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Json(doomed): Json<Doomed>,
) -> Result<Json<Value>, Refusal> {
    if !(1..=MAX_BATCH).contains(&doomed.local_ids.len()) {
        return Err(Refusal::bad("LOCAL_ID_LIST_EXCEEDS_LIMIT"));
    }
    let mut store = shared.store();
    let mut errors = Vec::new();
    for (index, local_id) in doomed.local_ids.iter().enumerate() {
        match store.by_id(local_id) {
            Some(account) if !account.disabled && !doomed.force => errors.push(json!({
                "index": index,
                "localId": local_id,
                "message": "NOT_DISABLED : Disable the account before batch deletion.",
            })),
            Some(_) => drop(store.remove(local_id)),
            None => {}
        }
    }
    Ok(Json(if errors.is_empty() {
        json!({})
    } else {
        json!({"errors": errors})
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    max_results: Option<usize>,
    next_page_token: Option<String>,
}

async fn batch_get(
    State(shared): State<Shared>,
    _administrator: Administrator,
    Query(page): Query<Page>,
) -> Json<Value> {
    let most = page.max_results.unwrap_or(20).clamp(1, MAX_BATCH);
    let store = shared.store();
    let users = store.page(page.next_page_token.as_deref().unwrap_or_default(), most);
    let last = users.last().map(|account| account.local_id.clone());
    let full = users.len() == most;
    let mut answer = json!({
        "kind": "identitytoolkit#DownloadAccountResponse",
        "users": users.into_iter().map(Account::shown).collect::<Vec<_>>(),
    });
    if let (true, Some(last)) = (full, last) {
        answer["nextPageToken"] = json!(last);
    }
    Json(answer)
}

/// 1 to 128 characters.
pub(super) fn is_uid(text: &str) -> bool {
    (1..=128).contains(&text.chars().count())
}

/// The address of an import, if it is one.
pub(super) fn imported_email(email: &str) -> Option<String> {
    super::public::is_email(email).then(|| canonical(email))
}
