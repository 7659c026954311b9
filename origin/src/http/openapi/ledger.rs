//! The token ledger.

#![expect(dead_code, reason = "of what is read only the shape counts here")]

use ledger::PageSize;
use shared::api::ledger::{HoldMoved, Moved, TransferPage};
use shared::problem::ErrorCode;
use utoipa::ToSchema;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::{ObjectBuilder, Type};

use super::{Operation, TOKENS, Who};
use crate::http::balance::BalanceData;

/// Tokens to give or take.
#[derive(ToSchema)]
pub struct MovementBody {
    /// How many tokens.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    amount: i32,
    /// Why, for people and reports; not blank, no control characters.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S")]
    reason: String,
    /// What it belongs to in the caller's records.
    #[schema(min_length = 1, max_length = 255)]
    reference: Option<String>,
}

/// Tokens to set aside.
#[derive(ToSchema)]
pub struct HoldBody {
    /// How many tokens.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    amount: i32,
    /// Why, for people and reports; not blank, no control characters.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S")]
    reason: String,
    /// What it belongs to in the caller's records.
    #[schema(min_length = 1, max_length = 255)]
    reference: Option<String>,
    /// Seconds until the hold lapses; 900 unless given.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in_seconds: Option<i32>,
}

/// How much of a hold to spend.
#[derive(ToSchema)]
pub struct CaptureBody {
    /// Tokens to spend; all of them unless given. The rest goes back.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    amount: Option<i32>,
}

pub fn operations() -> Vec<Operation> {
    let movement = |path, id, summary| {
        Operation::new(HttpMethod::Post, path, id, TOKENS, summary)
            .by(Who::Service)
            .once(true)
            .takes::<MovementBody>()
            .reads_database()
            .fails([
                ErrorCode::UserNotFound,
                ErrorCode::InsufficientTokens,
                ErrorCode::BalanceOverflow,
            ])
            .answers::<Moved>(200, "They moved, now or when the key first came.")
    };
    let settlement = |path, id, summary| {
        Operation::new(HttpMethod::Post, path, id, TOKENS, summary)
            .by(Who::Service)
            .once(true)
            .reads_database()
            .fails([
                ErrorCode::NotFound,
                ErrorCode::HoldSettled,
                ErrorCode::BalanceOverflow,
            ])
            .answers::<HoldMoved>(200, "It is settled, now or when the key first came.")
    };
    vec![
        balance(),
        transfers(),
        movement(
            "/v1/users/{id}/tokens/credit",
            "creditTokens",
            "Gives tokens to a person",
        ),
        movement(
            "/v1/users/{id}/tokens/debit",
            "debitTokens",
            "Takes tokens from a person",
        ),
        reserve(),
        settlement(
            "/v1/holds/{id}/capture",
            "captureHold",
            "Spends what a hold set aside, or a part of it",
        )
        .may_take::<CaptureBody>()
        .fails([ErrorCode::InsufficientTokens]),
        settlement(
            "/v1/holds/{id}/release",
            "releaseHold",
            "Gives back what a hold set aside",
        ),
    ]
}

fn balance() -> Operation {
    Operation::new(
        HttpMethod::Get,
        "/v1/tokens/balance",
        "getBalance",
        TOKENS,
        "What the caller can spend, and what is set aside",
    )
    .by(Who::Person)
    .answers::<BalanceData>(200, "The caller's tokens.")
}

fn transfers() -> Operation {
    let size = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(PageSize::MAX))
        .default(Some(PageSize::DEFAULT.get().into()));
    let cursor = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(64));
    Operation::new(
        HttpMethod::Get,
        "/v1/tokens/transfers",
        "listTransfers",
        TOKENS,
        "The caller's transfers, newest first",
    )
    .by(Who::Person)
    .query("limit", "How many.", size)
    .query("cursor", "`next_cursor` of the page before.", cursor)
    .answers::<TransferPage>(200, "A page of transfers.")
}

fn reserve() -> Operation {
    Operation::new(
        HttpMethod::Post,
        "/v1/users/{id}/holds",
        "reserveTokens",
        TOKENS,
        "Sets tokens of a person aside",
    )
    .by(Who::Service)
    .once(true)
    .takes::<HoldBody>()
    .reads_database()
    .fails([ErrorCode::UserNotFound, ErrorCode::InsufficientTokens])
    .answers::<HoldMoved>(201, "They are set aside, now or when the key first came.")
}
