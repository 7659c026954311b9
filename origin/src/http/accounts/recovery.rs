//! Forgotten passwords.

use axum::Json;
use axum::extract::State;
use firebase::FirebaseError;
use shared::api::envelope::Success;
use users::AccountError;
use users::rules::user::UserError;

use crate::app::AppState;
use crate::http::body::JsonObject;
use crate::http::context::RequestContext;
use crate::http::current_user::CurrentUser;
use crate::http::error::ApiError;
use crate::http::success::success;

/// Sends the mail with which a password is replaced. The answer and its time are the same whether or not there is such an
/// account: the work is done after it.
pub async fn forgot_password(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<()>>, ApiError> {
    let email = body.required_email("email");
    body.finish()?;
    let Some(email) = email else {
        return Err(ApiError::invalid(Vec::new()));
    };
    app.accounts.recover_in_background(email, context.source());
    Ok(success(
        (),
        "If the e-mail address has an account, a password reset link has been sent",
    ))
}

/// Sends the mail by which the caller proves their address.
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

/// Replaces a forgotten password by the code of the mail.
pub async fn reset_password(
    State(app): State<AppState>,
    context: RequestContext,
    mut body: JsonObject,
) -> Result<Json<Success<()>>, ApiError> {
    let code = body.required_text("oobCode", 1..=1024);
    let new_password = body.new_password("newPassword");
    body.finish()?;
    let Some(new_password) = new_password else {
        return Err(ApiError::invalid(Vec::new()));
    };
    match app.accounts.reset(&code, &new_password, &context.source()).await {
        Ok(()) => Ok(success((), "Password reset successfully")),
        Err(AccountError::Firebase(FirebaseError::Stale(_))) => Err(ApiError::invalid(vec![
            "oobCode is invalid or has expired".to_owned(),
        ])),
        // The code was mailed to them: they may know.
        Err(AccountError::DisabledThere) => Err(UserError::Disabled.into()),
        Err(error) => Err(error.into()),
    }
}
