//! The legacy contract, for the document.

use shared::problem::ErrorCode;
use users::rules::profile::Page;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::{ObjectBuilder, Type};

use super::account::AccountDeleted;
use super::batch::BatchOutcome;
use super::bodies::{
    BalanceChangeBody, LegacyLoginBody, LegacyRegisterBody, LegacyTokenBody, PasswordChangeBody, ProfileBody,
    RegisterBatchBody, SchoolBody,
};
use super::failure::LegacyCode;
use super::profile::{ChangedUserData, MessageData, UserData};
use super::register::UserAndToken;
use super::schools::{AddedSchool, SchoolPage};
use super::token_balance::{NewBalance, TokenBalance};
use super::verify_token::Verdict;
use crate::http::accounts::contract::OF_SIGN_IN;
use crate::http::openapi::{LEGACY, Operation, Who};

/// All of it.
pub fn operations() -> Vec<Operation> {
    let mut all = registering();
    all.extend(profile());
    all.extend(account());
    all.extend(tokens());
    all.extend(schools());
    all
}

fn operation(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(method, path, id, LEGACY, summary).kept_for_old_callers()
}

/// For the holder of a token, refused in the legacy service's codes.
fn personal(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    operation(method, path, id, summary)
        .by_refusing(
            Who::Person,
            [
                LegacyCode::Unauthorized,
                LegacyCode::InvalidToken,
                LegacyCode::TokenExpired,
                LegacyCode::TokenUserNotFound,
            ],
        )
        .fails([
            ErrorCode::UserDisabled,
            ErrorCode::AccountLinkConflict,
            ErrorCode::KeysUnavailable,
        ])
        .reads_database()
}

fn registering() -> Vec<Operation> {
    vec![
        operation(
            HttpMethod::Post,
            "/auth/register",
            "legacyRegister",
            "Registers a person",
        )
        .takes::<LegacyRegisterBody>()
        .asks_firebase()
        .fails(OF_SIGN_IN)
        .fails([LegacyCode::EmailExists, LegacyCode::UsernameExists])
        .answers::<UserAndToken>(201, "Registered. The token is a Firebase ID token."),
        operation(
            HttpMethod::Post,
            "/auth/register/batch",
            "legacyRegisterBatch",
            "Registers up to fifty people, each with an outcome of its own",
        )
        .more("A fault of ours ends the batch; it may be sent again.")
        .by_refusing(Who::Service, [LegacyCode::Unauthorized])
        .takes::<RegisterBatchBody>()
        .reads_database()
        .fails([ErrorCode::FirebaseUnavailable])
        .answers::<BatchOutcome>(201, "How it went, one by one."),
        operation(
            HttpMethod::Post,
            "/auth/login",
            "legacyLogin",
            "Signs somebody in by address or username",
        )
        .takes::<LegacyLoginBody>()
        .asks_firebase()
        .fails(OF_SIGN_IN)
        .fails([LegacyCode::IdentifierNotFound, LegacyCode::InvalidPassword])
        .answers::<UserAndToken>(200, "Signed in. The token is a Firebase ID token."),
        operation(
            HttpMethod::Post,
            "/auth/verify-token",
            "legacyVerifyToken",
            "Whether a token is good: both are answers here",
        )
        .takes::<LegacyTokenBody>()
        .reads_database()
        .fails([ErrorCode::KeysUnavailable])
        .answers::<Verdict>(200, "The verdict."),
    ]
}

fn profile() -> Vec<Operation> {
    vec![
        personal(
            HttpMethod::Get,
            "/auth/profile",
            "legacyGetProfile",
            "The caller with their profile",
        )
        .answers::<UserData>(200, "The caller."),
        personal(
            HttpMethod::Put,
            "/auth/profile",
            "legacyPutProfile",
            "Changes what the body names",
        )
        .takes::<ProfileBody>()
        .fails([LegacyCode::UsernameExists, LegacyCode::InvalidSchoolId])
        .fails([ErrorCode::UserNotFound])
        .answers::<ChangedUserData>(200, "The caller as they are now."),
        personal(
            HttpMethod::Delete,
            "/auth/profile",
            "legacyDeleteProfile",
            "Deletes the caller's profile; the account stays",
        )
        .fails([LegacyCode::ProfileNotFound])
        .answers::<MessageData>(200, "Deleted."),
    ]
}

fn account() -> Vec<Operation> {
    vec![
        personal(
            HttpMethod::Delete,
            "/auth/account",
            "legacyDeleteAccount",
            "Closes the caller's account",
        )
        .asks_firebase()
        .fails([ErrorCode::UserNotFound])
        .answers::<AccountDeleted>(200, "Closed."),
        personal(
            HttpMethod::Post,
            "/auth/change-password",
            "legacyChangePassword",
            "Replaces the caller's password",
        )
        .takes::<PasswordChangeBody>()
        .asks_firebase()
        .fails([LegacyCode::InvalidCurrentPassword])
        .fails([ErrorCode::UserNotFound])
        .answers_nothing(200, "Replaced."),
        personal(
            HttpMethod::Post,
            "/auth/logout",
            "legacyLogout",
            "Says goodbye; ends nothing on this side",
        )
        .answers_nothing(200, "Goodbye."),
    ]
}

fn tokens() -> Vec<Operation> {
    vec![
        personal(
            HttpMethod::Get,
            "/auth/token-balance",
            "legacyGetBalance",
            "The caller's tokens",
        )
        .answers::<TokenBalance>(200, "The balance."),
        operation(
            HttpMethod::Put,
            "/auth/token-balance",
            "legacyPutBalance",
            "Adds to somebody's tokens or takes from them",
        )
        .by_refusing(Who::Service, [LegacyCode::Unauthorized])
        .once(false)
        .takes::<BalanceChangeBody>()
        .reads_database()
        .fails([LegacyCode::InsufficientTokens])
        .fails([ErrorCode::UserNotFound, ErrorCode::BalanceOverflow])
        .answers::<NewBalance>(200, "The balance now."),
    ]
}

fn schools() -> Vec<Operation> {
    let text = || {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(200))
    };
    let number = |most: i64, usual: i64| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(most))
            .default(Some(usual.into()))
    };
    vec![
        personal(
            HttpMethod::Get,
            "/auth/schools",
            "legacyListSchools",
            "Schools by name",
        )
        .query("search", "Part of the name, in any case.", text())
        .query("city", "The city, in any case.", text())
        .query("province", "The province, in any case.", text())
        .query("page", "From 1.", number(Page::MAX_NUMBER, 1))
        .query("limit", "How many.", number(Page::MAX_LIMIT, 20))
        .answers::<SchoolPage>(200, "A page of schools."),
        personal(
            HttpMethod::Post,
            "/auth/schools",
            "legacyAddSchool",
            "Adds a school",
        )
        .takes::<SchoolBody>()
        .answers::<AddedSchool>(201, "Added."),
    ]
}
