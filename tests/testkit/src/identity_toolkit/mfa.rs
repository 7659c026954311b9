//! Second factors: a sign-in by password that stops half way, and the calls that finish it.
//!
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v2/accounts.mfaSignIn/start>,
//! <https://cloud.google.com/identity-platform/docs/reference/rest/v2/accounts.mfaSignIn/finalize>. No SMS is sent and no one-time password
//! computed: one code is right for each kind.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::factor::Pending;
use super::refusal::Refusal;
use super::session::{Tokens, random};
use super::shape::Shape;
use super::state::{Client, Shared};
use super::store::Account;
use crate::tokens::now;

/// The code of every SMS.
pub const SMS_CODE: &str = "123456";
/// The one-time password of every user.
pub const TOTP_CODE: &str = "654321";
/// How long a pending credential is good, in seconds. At Google an SMS was still started after 453 s and refused after 603 s.
const PENDING_SECONDS: i64 = 600;
/// The same where an authenticator finishes the sign-in: accepted after 293 s and refused after 303 s.
const TOTP_SECONDS: i64 = 300;

pub(super) fn routes() -> Router<Shared> {
    let route = |method: &str| format!("/identitytoolkit.googleapis.com/v2/accounts/mfaSignIn:{method}");
    Router::new()
        .route(&route("start"), post(start))
        .route(&route("finalize"), post(finalize))
}

/// The answer of a first step: it holds no token.
pub(super) fn first_step(shared: &Shared, account: &Account) -> Value {
    let pending = random();
    shared.store().wait(
        pending.clone(),
        Pending {
            local_id: account.local_id.clone(),
            began_at: now(),
        },
    );
    let factors: Vec<Value> = account.factors.iter().map(|factor| factor.shown(true)).collect();
    json!({
        "kind": "identitytoolkit#VerifyPasswordResponse",
        "localId": account.local_id,
        "email": account.email,
        "displayName": account.display_name.as_deref().unwrap_or_default(),
        "registered": true,
        "mfaPendingCredential": pending,
        "mfaInfo": factors,
    })
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Step {
    mfa_pending_credential: String,
    mfa_enrollment_id: String,
    phone_sign_in_info: Value,
    phone_verification_info: Sms,
    totp_verification_info: Totp,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sms {
    session_info: String,
    code: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Totp {
    verification_code: String,
}

fn bad(message: &str) -> Refusal {
    Refusal::bad(message).shaped(Shape::V2)
}

async fn start(
    State(shared): State<Shared>,
    _client: Client,
    Json(step): Json<Step>,
) -> Result<Json<Value>, Refusal> {
    let account = waiting(&shared, &step.mfa_pending_credential, PENDING_SECONDS)?;
    let proven = [
        "recaptchaToken",
        "captchaResponse",
        "playIntegrityToken",
        "iosReceipt",
    ];
    if !proven
        .iter()
        .any(|name| step.phone_sign_in_info[*name].is_string())
    {
        return Err(bad("MISSING_RECAPTCHA_TOKEN"));
    }
    let factor = account
        .factors
        .iter()
        .find(|factor| factor.id == step.mfa_enrollment_id);
    if factor.is_none_or(|factor| factor.phone.is_none()) {
        return Err(bad("INVALID_MFA_ENROLLMENT_ID"));
    }
    let session = random();
    shared.store().wait(
        session.clone(),
        Pending {
            local_id: account.local_id,
            began_at: now(),
        },
    );
    Ok(Json(json!({"phoneResponseInfo": {"sessionInfo": session}})))
}

async fn finalize(
    State(shared): State<Shared>,
    _client: Client,
    Json(step): Json<Step>,
) -> Result<Json<Value>, Refusal> {
    let by_sms = !step.phone_verification_info.session_info.is_empty();
    let limit = if by_sms { PENDING_SECONDS } else { TOTP_SECONDS };
    let account = waiting(&shared, &step.mfa_pending_credential, limit)?;
    let (kind, factor) = if by_sms {
        let sent = shared.store().waiting(&step.phone_verification_info.session_info);
        if sent.is_none_or(|sent| sent.local_id != account.local_id) {
            return Err(bad("INVALID_SESSION_INFO"));
        }
        if step.phone_verification_info.code != SMS_CODE {
            return Err(bad("INVALID_CODE"));
        }
        (
            "phone",
            account.factors.iter().find(|factor| factor.phone.is_some()),
        )
    } else {
        let factor = account
            .factors
            .iter()
            .find(|factor| factor.id == step.mfa_enrollment_id && factor.phone.is_none());
        if factor.is_none() {
            return Err(bad("INVALID_MFA_ENROLLMENT_ID"));
        }
        if step.totp_verification_info.verification_code != TOTP_CODE {
            return Err(bad("INVALID_CODE"));
        }
        ("totp", factor)
    };
    // Google asks the blocking function after the second factor, not before.
    shared.faults().blocking.ask()?;
    let factor = factor.map(|factor| (kind, factor.id.clone()));
    let Tokens {
        id_token,
        refresh_token,
        ..
    } = shared.sign_in_with(&account.local_id, factor)?;
    Ok(Json(json!({"idToken": id_token, "refreshToken": refresh_token})))
}

fn waiting(shared: &Shared, credential: &str, limit: i64) -> Result<Account, Refusal> {
    if credential.is_empty() {
        return Err(bad("Request contains an invalid argument."));
    }
    let store = shared.store();
    let pending = store
        .waiting(credential)
        .ok_or_else(|| bad("INVALID_PENDING_TOKEN"))?;
    let age = now()
        .saturating_sub(pending.began_at)
        .saturating_add(shared.faults().pending_age);
    if age > limit {
        return Err(bad(
            "INVALID_MFA_PENDING_CREDENTIAL : MFA pending credential is expired.",
        ));
    }
    let account = store
        .by_id(&pending.local_id)
        .ok_or_else(|| bad("USER_NOT_FOUND"))?;
    if account.disabled {
        return Err(bad("USER_DISABLED"));
    }
    Ok(account.clone())
}
