//! Holds: reserve, settle, and the list of expired ones.

use chrono::{DateTime, Utc};
use shared::ids::UserId;
use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::found::{Answer, Found};
use crate::rules::{Amount, HoldId, HoldRequest, HoldState, IdempotencyToken, RequestHash};

/// Runs `reserve.sql`: one round trip. Finds the movement to the hold's account, and when the hold expires; `None` for a key of a movement
/// without a hold.
///
/// # Errors
/// As [`super::move_tokens`].
pub async fn reserve(
    connection: &mut PgConnection,
    token: &IdempotencyToken,
    request: &HoldRequest,
    id: HoldId,
) -> sqlx::Result<Answer<(Found, Option<DateTime<Utc>>)>> {
    let row = sqlx::query(include_str!("reserve.sql"))
        .bind(token.caller.as_str())
        .bind(token.key.as_str())
        .bind(request.request_hash().0)
        .bind(request.user.0)
        .bind(request.amount.get())
        .bind(id.0)
        .bind(f64::from(request.lifetime.secs()))
        .bind(Json(&request.description))
        .fetch_one(connection)
        .await?;
    match Found::from_row(&row)? {
        Some(found) => Ok(Answer::Found((found, row.try_get("expires_at")?))),
        None => Answer::not_moved(&row),
    }
}

/// How a request ends a hold.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The request's caller and key.
    pub token: &'a IdempotencyToken,
    /// The request's hash.
    pub hash: RequestHash,
    /// Which hold.
    pub hold: HoldId,
    /// Tokens to capture, `None` = all of them.
    pub capture: Option<i32>,
    /// The state it ends in.
    pub state: HoldState,
    /// Why, for the transfers.
    pub reason: &'a str,
}

/// A hold in the snapshot of `settle.sql`, before the statement settled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenHold {
    /// Its user.
    pub user: UserId,
    /// How many tokens are reserved.
    pub amount: Amount,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Its state.
    pub state: Option<HoldState>,
    /// Whether it had expired.
    pub due: bool,
    /// Whether the calling service reserved it.
    pub own: bool,
}

/// The result of a request to settle a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The hold; `None` when there is none.
    pub hold: Option<SeenHold>,
    /// The movement with the key; `None` when the statement settled nothing.
    pub found: Option<Found>,
}

/// Runs `settle.sql`: one round trip.
///
/// # Errors
/// As [`super::move_tokens`].
pub async fn settle(connection: &mut PgConnection, ending: Ending<'_>) -> sqlx::Result<Settled> {
    let row = sqlx::query(include_str!("settle.sql"))
        .bind(ending.token.caller.as_str())
        .bind(ending.token.key.as_str())
        .bind(ending.hash.0)
        .bind(ending.hold.0)
        .bind(ending.capture.map(i64::from))
        .bind(ending.state.as_str())
        .bind(ending.reason)
        .fetch_one(connection)
        .await?;
    let hold = match row.try_get::<Option<Uuid>, _>("hold_user_id")? {
        Some(user) => Some(SeenHold {
            user: UserId(user),
            amount: Amount::new(row.try_get("hold_amount")?)
                .map_err(|error| sqlx::Error::Decode(error.into()))?,
            expires_at: row.try_get("expires_at")?,
            state: HoldState::parse(row.try_get("seen_state")?),
            due: row.try_get("seen_due")?,
            own: row.try_get("seen_own")?,
        }),
        None => None,
    };
    let found = Found::from_row(&row)?;
    Ok(Settled { hold, found })
}

/// A user's expired holds, longest expired first, at most `limit`.
///
/// # Errors
/// Those of the database.
pub async fn due_holds_of(
    connection: &mut PgConnection,
    user: UserId,
    limit: i64,
) -> sqlx::Result<Vec<HoldId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM auth.token_holds \
         WHERE user_id = $1 AND state = 'reserved' AND expires_at <= now() ORDER BY expires_at LIMIT $2",
    )
    .bind(user.0)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(HoldId).collect())
}

/// All users' expired holds, longest expired first, at most `limit` behind the first `left`.
///
/// # Errors
/// Those of the database.
pub async fn due_holds(connection: &mut PgConnection, left: i64, limit: i64) -> sqlx::Result<Vec<HoldId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT id FROM auth.token_holds \
         WHERE state = 'reserved' AND expires_at <= now() ORDER BY expires_at OFFSET $1 LIMIT $2",
    )
    .bind(left)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(HoldId).collect())
}
