//! Tokens, transfers and holds as callers see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One movement of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transfer {
    /// Number in the whole ledger.
    pub id: i64,
    /// The user who has the tokens.
    pub user_id: Uuid,
    /// Place among this user's transfers, without a gap.
    pub version: i64,
    /// `opening`, `welcome`, `credit`, `debit`, `reserve`, `capture`, `release`, `external` or `closing`.
    pub kind: String,
    /// Where the tokens came from: `user:<id>`, `hold:<id>` or `system:<name>`.
    pub debit_account: String,
    /// Where they went.
    pub credit_account: String,
    /// How many tokens, at least 1.
    pub amount: i32,
    /// The user's spendable balance right after it, in tokens.
    pub balance_after: i32,
    /// Why.
    pub reason: String,
    /// The caller's own record of it, such as a job or an order.
    pub reference: Option<String>,
    /// The hold to which it belongs.
    pub hold_id: Option<Uuid>,
    /// When.
    pub created_at: DateTime<Utc>,
}

impl Transfer {
    /// The change of the user's spendable balance, in tokens.
    #[must_use]
    pub fn delta(&self) -> i64 {
        let (user, amount) = (format!("user:{}", self.user_id), i64::from(self.amount));
        if self.credit_account == user {
            amount
        } else if self.debit_account == user {
            amount.saturating_neg()
        } else {
            0
        }
    }
}

/// Answer to a credit or debit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Moved {
    /// The movement.
    pub transfer: Transfer,
    /// The spendable balance right after it, in tokens; a repeat answers the same, even if tokens have moved since.
    pub token_balance: i32,
}

/// Tokens set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hold {
    /// Its name.
    pub id: Uuid,
    /// The user who has the tokens.
    pub user_id: Uuid,
    /// How many were set aside.
    pub amount: i32,
    /// How many of them were spent.
    pub captured_amount: i32,
    /// `reserved`, `captured`, `released` or `expired`.
    pub state: String,
    /// When a reserved hold lapses.
    pub expires_at: DateTime<Utc>,
}

/// Answer to a reservation, a capture or a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HoldMoved {
    /// The hold, as this request left it.
    pub hold: Hold,
    /// The movement of this request.
    pub transfer: Transfer,
    /// The spendable balance right after this request, in tokens.
    pub token_balance: i32,
}

/// One page of a user's transfers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TransferPage {
    /// Newest first.
    pub transfers: Vec<Transfer>,
    /// `cursor` of the next page; `null` on the last.
    pub next_cursor: Option<String>,
}
