//! Forgotten passwords and unproven addresses.

use axum::Json;
use axum::extract::State;
use firebase::FirebaseError;
use serde::Deserialize;
use shared::api::envelope::Success;
use shared::problem::ErrorCode;
use users::AccountError;
use users::rules::user::UserError;

use crate::app::AppState;
use crate::http::body::Body;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::fields::{Email, NewPassword, field, text, texts};
use crate::http::openapi::{ACCOUNTS, OF_FIREBASE, of_users};
use crate::http::success::success;

/// The address of the account with the forgotten password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct ForgotPasswordBody {
    email: Email,
}

/// Send a password reset link by e-mail
///
/// The answer and its time are the same whether or not the account exists.
#[utoipa::path(post, path = "/v1/auth/forgot-password", operation_id = "forgotPassword", tag = ACCOUNTS,
    request_body = ForgotPasswordBody,
    responses((status = 200, description = "A link is sent if the account exists")))]
pub async fn forgot_password(
    State(app): State<AppState>,
    context: RequestContext,
    Body(body): Body<ForgotPasswordBody>,
) -> Result<Json<Success<()>>, ApiError> {
    app.accounts.recover_in_background(body.email.0, context.source());
    Ok(success(
        (),
        "If the e-mail address has an account, a password reset link has been sent",
    ))
}

/// Send the caller an e-mail that proves their address
///
/// Sends nothing if the address is already proven. Google refuses a second mail within a short time.
#[utoipa::path(post, path = "/v1/auth/verify-email", operation_id = "verifyEmail", tag = ACCOUNTS, security(("bearer" = [])),
    responses((status = 200, description = "An e-mail is sent, unless the address is proven already")),
    extensions(("x-fails" = json!([of_users(), [OF_FIREBASE]]))))]
pub async fn verify_email(
    State(app): State<AppState>,
    CurrentUser(user): CurrentUser,
) -> Result<Json<Success<()>>, ApiError> {
    let sent = app.accounts.verify_address(&user).await?;
    let message = if sent {
        "A verification link has been sent"
    } else {
        "The e-mail address is verified"
    };
    Ok(success((), message))
}

field! {
    /// The code of a password reset link.
    ResetCode(String): |value| text(value, 1..=1024), texts(1..=1024);
}

/// A new password, with the code of the link.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResetPasswordBody {
    oob_code: ResetCode,
    new_password: NewPassword,
}

/// Set a new password with the code of a password reset link
#[utoipa::path(post, path = "/v1/auth/reset-password", operation_id = "resetPassword", tag = ACCOUNTS,
    request_body = ResetPasswordBody,
    responses((status = 200, description = "Password replaced")),
    extensions(("x-fails" = json!([OF_FIREBASE.as_slice(), &[ErrorCode::InvalidCredentials, ErrorCode::UserDisabled]]))))]
pub async fn reset_password(
    State(app): State<AppState>,
    context: RequestContext,
    Body(ResetPasswordBody {
        oob_code,
        new_password,
    }): Body<ResetPasswordBody>,
) -> Result<Json<Success<()>>, ApiError> {
    let origin = context.source();
    match app.accounts.reset(&oob_code.0, &new_password.0, &origin).await {
        Ok(()) => Ok(success((), "Password reset successfully")),
        Err(AccountError::Firebase(FirebaseError::Stale(_))) => Err(ApiError::invalid(vec![
            "oobCode is invalid or has expired".to_owned(),
        ])),
        // The code was mailed to the user: they may know.
        Err(AccountError::DisabledThere) => Err(UserError::Disabled.into()),
        Err(error) => Err(error.into()),
    }
}
