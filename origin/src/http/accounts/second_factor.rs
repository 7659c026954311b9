//! `POST /v1/auth/mfa/start` and `/v1/auth/mfa/finish`: the second step of a sign-in that was answered `SECOND_FACTOR_REQUIRED`.

use axum::Json;
use axum::extract::State;
use firebase::{FactorAnswer, SmsRequest};
use serde::Serialize;
use shared::api::envelope::Success;

use super::Session;
use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::success::success;

/// Proofs that it is an app that asks for an SMS, by Google's name.
const PROOFS: [&str; 8] = [
    "recaptchaToken",
    "captchaResponse",
    "clientType",
    "recaptchaVersion",
    "playIntegrityToken",
    "safetyNetToken",
    "iosReceipt",
    "iosSecret",
];

/// An SMS that was sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsSent {
    /// What the code is finished with.
    session_info: String,
}

/// Sends the code of a factor by SMS.
pub async fn start(
    State(app): State<AppState>,
    mut body: JsonObject,
) -> Result<Json<Success<SmsSent>>, ApiError> {
    let pending = body.required_text("mfaPendingCredential", 1..=8192);
    let factor = body.required_text("mfaEnrollmentId", 1..=256);
    let mut proofs = Vec::new();
    for name in PROOFS {
        if let Some(proof) = body.optional_text(name, 1..=16_384) {
            proofs.push((name, proof));
        }
    }
    body.finish()?;
    let request = SmsRequest {
        pending: &pending,
        factor: &factor,
        proofs,
    };
    let session_info = app.accounts.start_second_factor(&request).await?;
    Ok(success(SmsSent { session_info }, "Code sent"))
}

/// Finishes the sign-in: by the code of an SMS (`sessionInfo`), or by a one-time password (`mfaEnrollmentId`).
pub async fn finish(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<Session>>, ApiError> {
    let pending = body.required_text("mfaPendingCredential", 1..=8192);
    let code = body.required_text("code", 1..=16);
    // Google's, with the factor's id and a signature before it.
    let session = body.optional_text("sessionInfo", 1..=9216);
    let factor = body.optional_text("mfaEnrollmentId", 1..=256);
    if session.is_none() && factor.is_none() {
        body.fault("sessionInfo", "or mfaEnrollmentId is required");
    }
    body.finish()?;
    let answer = match (&session, &factor) {
        (Some(session), _) => FactorAnswer::Sms { session, code: &code },
        (None, factor) => FactorAnswer::Totp {
            factor: factor.as_deref().unwrap_or_default(),
            code: &code,
        },
    };
    let signed_in = app
        .accounts
        .finish_second_factor(&pending, &answer, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Login successful"))
}
