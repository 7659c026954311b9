//! Forgotten passwords: a code by "mail", and a new password for it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::public::{hashed, new_password, valid_email};
use super::refusal::Refusal;
use super::session::random;
use super::state::{Client, Shared};
use super::store::Mail;
use crate::tokens::now;

const PASSWORD_RESET: &str = "PASSWORD_RESET";
const VERIFY_EMAIL: &str = "VERIFY_EMAIL";

pub(super) fn routes() -> Router<Shared> {
    let route = |method: &str| format!("/identitytoolkit.googleapis.com/v1/accounts:{method}");
    Router::new()
        .route(&route("sendOobCode"), post(send))
        .route(&route("resetPassword"), post(reset))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    request_type: Option<String>,
    id_token: Option<String>,
    continue_url: Option<String>,
    email: Option<String>,
    oob_code: Option<String>,
    new_password: Option<String>,
}

/// With e-mail enumeration protection, an unknown address gets the same answer as a known one.
async fn send(
    State(shared): State<Shared>,
    _client: Client,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let (request_type, email) = match wanted.request_type.as_deref() {
        Some(PASSWORD_RESET) => (PASSWORD_RESET, valid_email(wanted.email.as_deref())?),
        Some(VERIFY_EMAIL) => {
            let id_token = wanted.id_token.ok_or_else(|| Refusal::bad("MISSING_ID_TOKEN"))?;
            let holder = shared.holder(&id_token)?;
            (
                VERIFY_EMAIL,
                holder.email.ok_or_else(|| Refusal::bad("MISSING_EMAIL"))?,
            )
        }
        Some(_) => return Err(Refusal::bad("INVALID_REQ_TYPE")),
        None => return Err(Refusal::bad("MISSING_REQ_TYPE")),
    };
    let locale = headers
        .get("x-firebase-locale")
        .and_then(|value| value.to_str().ok());
    let privacy = shared.faults().email_privacy;
    let mut store = shared.store();
    if store.by_email(&email).is_some() {
        store.send(Mail {
            code: random(),
            email: email.clone(),
            request_type: request_type.to_owned(),
            locale: locale.map(str::to_owned),
            continue_url: wanted.continue_url,
            sent_at: now(),
        });
    } else if !privacy {
        return Err(Refusal::bad("EMAIL_NOT_FOUND"));
    }
    Ok(Json(
        json!({"kind": "identitytoolkit#GetOobConfirmationCodeResponse", "email": email}),
    ))
}

/// The holder of the code reads the mail, so the address counts as verified; earlier sign-ins become void.
async fn reset(
    State(shared): State<Shared>,
    _client: Client,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, Refusal> {
    let code = wanted.oob_code.ok_or_else(|| Refusal::bad("MISSING_OOB_CODE"))?;
    let mail = shared.store().mail(&code);
    let mail = mail.ok_or_else(|| Refusal::bad("INVALID_OOB_CODE"))?;
    let lifetime = shared.faults().oob_code_seconds;
    if mail.sent_at.saturating_add(lifetime) <= now() {
        return Err(Refusal::bad("EXPIRED_OOB_CODE"));
    }
    if let Some(text) = wanted.new_password.as_deref() {
        shared.allows(text)?;
        let password = hashed(new_password(Some(text))?).await?;
        let mut store = shared.store();
        // Another call may have taken the code meanwhile: it works once.
        if store.mail(&code).is_none() {
            return Err(Refusal::bad("INVALID_OOB_CODE"));
        }
        let uid = store
            .by_email(&mail.email)
            .map(|account| account.local_id.clone());
        let uid = uid.ok_or_else(|| Refusal::bad("INVALID_OOB_CODE"))?;
        store.use_up(&code);
        store.change(&uid, |account| {
            account.password = Some(password);
            account.password_updated_at = Some(now().saturating_mul(1_000));
            account.email_verified = true;
            account.valid_since = now();
        });
    }
    Ok(Json(json!({
        "kind": "identitytoolkit#ResetPasswordResponse",
        "email": mail.email,
        "requestType": mail.request_type,
    })))
}

impl Mail {
    /// The mail as the emulator shows it, with fields that the emulator does not have.
    pub(super) fn shown(&self) -> Value {
        json!({
            "email": self.email, "oobCode": self.code, "requestType": self.request_type, "locale": self.locale,
            "continueUrl": self.continue_url,
        })
    }
}

/// The mails "sent" and not used yet, oldest first.
pub(super) async fn mails(State(shared): State<Shared>) -> Json<Value> {
    let store = shared.store();
    let codes: Vec<Value> = store.mails().iter().map(Mail::shown).collect();
    Json(json!({"oobCodes": codes}))
}
