//! The account operations, for the document.

#![expect(dead_code, reason = "of what is read only the shape counts here")]

use shared::problem::ErrorCode;
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;

use super::Session;
use super::profile::Shown;
use super::second_factor::SmsSent;
use super::session::{Registered, Tokens};
use crate::http::openapi::{ACCOUNTS, Operation, Who};

/// A new account.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct RegisterBody {
    #[schema(max_length = 255, format = Email)]
    email: String,
    /// A letter and a digit among the characters, any others allowed.
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    password: String,
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    display_name: Option<String>,
    #[schema(
        rename = "photoURL",
        min_length = 1,
        max_length = 2048,
        pattern = r"^https?://[!-~]+$"
    )]
    photo_url: Option<String>,
}

/// Who signs in.
#[derive(ToSchema)]
struct LoginBody {
    #[schema(max_length = 255, format = Email)]
    email: String,
    #[schema(min_length = 1, max_length = 4096, format = Password)]
    password: String,
}

/// An SMS that is asked for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct StartSecondFactorBody {
    #[schema(min_length = 1, max_length = 8192)]
    mfa_pending_credential: String,
    #[schema(min_length = 1, max_length = 256)]
    mfa_enrollment_id: String,
    #[schema(min_length = 1, max_length = 16384)]
    recaptcha_token: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    captcha_response: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    client_type: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    recaptcha_version: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    play_integrity_token: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    safety_net_token: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    ios_receipt: Option<String>,
    #[schema(min_length = 1, max_length = 16384)]
    ios_secret: Option<String>,
}

/// What the user shows: `sessionInfo` or `mfaEnrollmentId` beside the code.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct FinishSecondFactorBody {
    #[schema(min_length = 1, max_length = 8192)]
    mfa_pending_credential: String,
    #[schema(min_length = 1, max_length = 16)]
    code: String,
    #[schema(min_length = 1, max_length = 9216)]
    session_info: Option<String>,
    #[schema(min_length = 1, max_length = 256)]
    mfa_enrollment_id: Option<String>,
}

/// A refresh token.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct RefreshBody {
    #[schema(min_length = 1, max_length = 4096)]
    refresh_token: String,
}

/// What to show of a person; at least one of the two.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ShownBody {
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    display_name: Option<String>,
    #[schema(
        rename = "photoURL",
        min_length = 1,
        max_length = 2048,
        pattern = r"^https?://[!-~]+$"
    )]
    photo_url: Option<String>,
}

/// The proof that it is the person who leaves.
#[derive(ToSchema)]
struct LeaveBody {
    /// Not needed within five minutes of signing in at Firebase.
    #[schema(min_length = 1, max_length = 4096, format = Password)]
    password: Option<String>,
}

/// The password of before the address was proven.
#[derive(ToSchema)]
struct ConfirmPasswordBody {
    #[schema(min_length = 1, max_length = 4096, format = Password)]
    password: String,
}

/// Whose password is forgotten.
#[derive(ToSchema)]
struct ForgotPasswordBody {
    #[schema(max_length = 255, format = Email)]
    email: String,
}

/// A new password, by the code of the mail.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ResetPasswordBody {
    #[schema(min_length = 1, max_length = 1024)]
    oob_code: String,
    /// A letter and a digit among the characters, any others allowed.
    #[schema(min_length = 8, max_length = 4096, format = Password)]
    new_password: String,
}

/// All of them.
pub fn operations() -> Vec<Operation> {
    vec![
        register(),
        login(),
        start_second_factor(),
        finish_second_factor(),
        refresh(),
        exchange(),
        confirm_password(),
        logout(),
        change_profile(),
        remove(),
        verify_email(),
        forgot_password(),
        reset_password(),
    ]
}

fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Post, path, id, ACCOUNTS, summary)
}

/// What every sign-in can fail with, once Firebase has let the person in.
pub const OF_SIGN_IN: [ErrorCode; 4] = [
    ErrorCode::UserDisabled,
    ErrorCode::TokenRevoked,
    ErrorCode::AccountLinkConflict,
    ErrorCode::DatabaseUnavailable,
];

fn register() -> Operation {
    post("/v1/auth/register", "register", "Registers a person")
        .more("The very same request again, password included, is answered and not refused.")
        .takes::<RegisterBody>()
        .asks_firebase()
        .fails(OF_SIGN_IN)
        .fails([ErrorCode::EmailExists])
        .answers::<Registered>(201, "Registered and signed in.")
}

fn login() -> Operation {
    post("/v1/auth/login", "login", "Signs somebody in")
        .more("A local account whose password is right moves to Firebase on the spot, under its own id.")
        .takes::<LoginBody>()
        .asks_firebase()
        .fails(OF_SIGN_IN)
        .fails([ErrorCode::InvalidCredentials, ErrorCode::SecondFactorRequired])
        .answers::<Session>(200, "Signed in.")
}

fn start_second_factor() -> Operation {
    post(
        "/v1/auth/mfa/start",
        "startSecondFactor",
        "Sends the code of a second factor by SMS",
    )
    .more("For a sign-in that was answered `SECOND_FACTOR_REQUIRED`. Google wants a proof that an app asks: one of the optional fields.")
    .takes::<StartSecondFactorBody>()
    .asks_firebase()
    .fails([ErrorCode::TokenExpired, ErrorCode::UserDisabled, ErrorCode::SignInBlocked, ErrorCode::InvalidCredentials])
    .answers::<SmsSent>(200, "Sent.")
}

fn finish_second_factor() -> Operation {
    post(
        "/v1/auth/mfa/finish",
        "finishSecondFactor",
        "Finishes a sign-in with its second factor",
    )
    .more("By the code of an SMS (`sessionInfo`) or by a one-time password (`mfaEnrollmentId`).")
    .takes::<FinishSecondFactorBody>()
    .asks_firebase()
    .fails(OF_SIGN_IN)
    .fails([
        ErrorCode::TokenExpired,
        ErrorCode::SignInBlocked,
        ErrorCode::InvalidCredentials,
    ])
    .answers::<Session>(200, "Signed in.")
}

fn refresh() -> Operation {
    post("/v1/auth/refresh", "refresh", "New tokens for a refresh token")
        .takes::<RefreshBody>()
        .asks_firebase()
        .fails([ErrorCode::TokenExpired])
        .answers::<Tokens>(200, "New tokens.")
}

fn exchange() -> Operation {
    post(
        "/v1/auth/exchange",
        "exchangeToken",
        "A Firebase session for the holder of a token of the legacy service",
    )
    .more(
        "A user without a Firebase account gets one, with the password they have. Only where that is the password at Firebase too, and for \
         tokens younger than LEGACY_EXCHANGE_MAX_AGE_SECONDS. The old token stays good until it expires.",
    )
    .by(Who::Person)
    .asks_firebase()
    .fails(OF_SIGN_IN)
    .fails([ErrorCode::TokenWrongKind, ErrorCode::UserNotFound, ErrorCode::ValidationError])
    .answers::<Session>(200, "Signed in.")
}

fn confirm_password() -> Operation {
    post(
        "/v1/auth/confirm-password",
        "confirmPassword",
        "Make the password of before the address was proven count again",
    )
    .more("Needs a sign-in at Firebase younger than five minutes whose token says email_verified. Other sessions end.")
    .by(Who::Person)
    .takes::<ConfirmPasswordBody>()
    .asks_firebase()
    .fails(OF_SIGN_IN)
    .fails([ErrorCode::InvalidCredentials])
    .answers::<Session>(200, "Confirmed; a new session.")
}

fn logout() -> Operation {
    post(
        "/v1/auth/logout",
        "logout",
        "Voids every token of the caller from now on",
    )
    .by(Who::Person)
    .answers_nothing(200, "Done.")
}

fn change_profile() -> Operation {
    Operation::new(
        HttpMethod::Patch,
        "/v1/auth/profile",
        "changeShown",
        ACCOUNTS,
        "Changes the name or the photo, at Firebase and here",
    )
    .by(Who::Person)
    .takes::<ShownBody>()
    .asks_firebase()
    .fails([ErrorCode::InvalidCredentials])
    .answers::<Shown>(200, "What is shown now.")
}

fn remove() -> Operation {
    Operation::new(
        HttpMethod::Delete,
        "/v1/auth/user",
        "deleteUser",
        ACCOUNTS,
        "Closes the caller's account on both sides",
    )
    .more("Needs the password, or a sign-in at Firebase younger than five minutes.")
    .by(Who::Person)
    .may_take::<LeaveBody>()
    .asks_firebase()
    .fails([ErrorCode::InvalidCredentials])
    .answers_nothing(200, "Closed.")
}

fn verify_email() -> Operation {
    post(
        "/v1/auth/verify-email",
        "verifyEmail",
        "Sends the mail by which the caller proves their address",
    )
    .more("Nothing is sent where it is proven. Google refuses a second mail within a short time.")
    .by(Who::Person)
    .asks_firebase()
    .answers_nothing(200, "A mail is sent, unless the address is proven.")
}

fn forgot_password() -> Operation {
    post(
        "/v1/auth/forgot-password",
        "forgotPassword",
        "Sends the mail with which a password is replaced",
    )
    .more("The same answer in the same time for everybody, whether or not there is such an account.")
    .takes::<ForgotPasswordBody>()
    .answers_nothing(200, "A mail is sent if there is such an account.")
}

fn reset_password() -> Operation {
    post(
        "/v1/auth/reset-password",
        "resetPassword",
        "Replaces a forgotten password by the code of the mail",
    )
    .takes::<ResetPasswordBody>()
    .asks_firebase()
    .fails([ErrorCode::InvalidCredentials, ErrorCode::UserDisabled])
    .answers_nothing(200, "Replaced.")
}
