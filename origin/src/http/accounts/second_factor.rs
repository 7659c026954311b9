//! `POST /v1/auth/mfa/start` and `/v1/auth/mfa/finish`: the second step of a sign-in with the answer `SECOND_FACTOR_REQUIRED`.

use axum::Json;
use axum::extract::State;
use firebase::{FactorAnswer, SmsRequest};
use serde::{Deserialize, Serialize};
use shared::api::envelope::Success;
use shared::problem::ErrorCode;

use super::signed_in::{OF_SIGN_IN, Session};
use crate::app::AppState;
use crate::http::body::{Body, Fields};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::fields::{field, text, texts};
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE};
use crate::http::success::success;

/// The refusals of both steps.
const REFUSALS: [ErrorCode; 2] = [ErrorCode::TokenExpired, ErrorCode::InvalidCredentials];

/// An SMS that was sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmsSent {
    /// The session for `/v1/auth/mfa/finish`.
    session_info: String,
}

field! {
    /// The pending credential of the refused sign-in.
    PendingCredential(String): |value| text(value, 1..=8192), texts(1..=8192);
    /// The id of a user's factor.
    FactorId(String): |value| text(value, 1..=256), texts(1..=256);
    /// A proof that an app sends the request, in one of Google's forms.
    AppProof(String): |value| text(value, 1..=16_384), texts(1..=16_384);
    /// The session of an SMS: Google's, after the factor's id and a signature.
    SmsSession(String): |value| text(value, 1..=9216), texts(1..=9216);
    /// The code from the user's device.
    Code(String): |value| text(value, 1..=16), texts(1..=16);
}

/// The factor, and Google's proofs that an app sends the request.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StartSecondFactorBody {
    mfa_pending_credential: PendingCredential,
    mfa_enrollment_id: FactorId,
    recaptcha_token: Option<AppProof>,
    captcha_response: Option<AppProof>,
    client_type: Option<AppProof>,
    recaptcha_version: Option<AppProof>,
    play_integrity_token: Option<AppProof>,
    safety_net_token: Option<AppProof>,
    ios_receipt: Option<AppProof>,
    ios_secret: Option<AppProof>,
}

/// Send the code of a second factor by SMS
///
/// For a sign-in that was refused with `SECOND_FACTOR_REQUIRED`. Google requires a proof that an app sends the request: one of the optional
/// fields.
#[utoipa::path(post, path = "/v1/auth/mfa/start", operation_id = "startSecondFactor", tag = ACCOUNTS,
    request_body = StartSecondFactorBody,
    responses((status = 200, description = "Code sent", body = SmsSent)),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &REFUSALS, &[ErrorCode::UserDisabled]]))))]
pub async fn start(
    State(app): State<AppState>,
    Body(body): Body<StartSecondFactorBody>,
) -> Result<Json<Success<SmsSent>>, ApiError> {
    let proofs = [
        ("recaptchaToken", body.recaptcha_token),
        ("captchaResponse", body.captcha_response),
        ("clientType", body.client_type),
        ("recaptchaVersion", body.recaptcha_version),
        ("playIntegrityToken", body.play_integrity_token),
        ("safetyNetToken", body.safety_net_token),
        ("iosReceipt", body.ios_receipt),
        ("iosSecret", body.ios_secret),
    ];
    let request = SmsRequest {
        pending: &body.mfa_pending_credential.0,
        factor: &body.mfa_enrollment_id.0,
        proofs: proofs
            .into_iter()
            .filter_map(|(name, proof)| Some((name, proof?.0)))
            .collect(),
    };
    let session_info = app.accounts.start_second_factor(&request).await?;
    Ok(success(SmsSent { session_info }, "Code sent"))
}

/// The code, with `sessionInfo` or `mfaEnrollmentId`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FinishSecondFactorBody {
    mfa_pending_credential: PendingCredential,
    code: Code,
    session_info: Option<SmsSession>,
    mfa_enrollment_id: Option<FactorId>,
}

/// Finish a sign-in with its second factor
///
/// With the code of an SMS (`sessionInfo`) or a one-time password (`mfaEnrollmentId`).
#[utoipa::path(post, path = "/v1/auth/mfa/finish", operation_id = "finishSecondFactor", tag = ACCOUNTS,
    request_body = FinishSecondFactorBody,
    responses((status = 200, description = "Signed in", body = Session)),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &REFUSALS, &OF_SIGN_IN]))))]
pub async fn finish(
    State(app): State<AppState>,
    context: RequestContext,
    fields: Fields,
) -> Result<Json<Success<Session>>, ApiError> {
    let body: FinishSecondFactorBody = fields.read_with(|is_good| {
        let neither = !is_good("sessionInfo") && !is_good("mfaEnrollmentId");
        neither.then_some(("sessionInfo", "or mfaEnrollmentId is required"))
    })?;
    let code = &body.code.0;
    let answer = match (&body.session_info, &body.mfa_enrollment_id) {
        (Some(session), _) => FactorAnswer::Sms {
            session: &session.0,
            code,
        },
        (None, factor) => FactorAnswer::Totp {
            factor: factor.as_ref().map_or("", |factor| &factor.0),
            code,
        },
    };
    let pending = &body.mfa_pending_credential.0;
    let signed_in = app
        .accounts
        .finish_second_factor(pending, &answer, &context.source())
        .await?;
    Ok(success(signed_in.into(), "Login successful"))
}
