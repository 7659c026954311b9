//! Makes one movement.

use database::{Borrowed, Pool};
use shared::ids::UserId;

use crate::counters::Counters;
use crate::expiry::expire_due_of;
use crate::failure::LedgerFailure;
use crate::outcome::{Receipt, allowed, receipt};
use crate::retry::Attempts;
use crate::rules::{IdempotencyToken, LedgerError, Movement};
use crate::statements::{self, Answer};

/// Makes one movement with a statement of its own.
pub(crate) async fn make_one(
    pool: &Pool,
    counters: &Counters,
    token: &IdempotencyToken,
    movement: &Movement,
) -> Result<Receipt, LedgerFailure> {
    let found = until_answered(
        pool,
        counters,
        "move",
        (movement.user, movement.delta()),
        |mut connection| async move { statements::move_tokens(&mut connection, &[(token, movement)]).await },
    );
    let found = found.await?.into_iter().next();
    let (_, found) = found.ok_or(sqlx::Error::RowNotFound)?;
    Ok(receipt(counters, movement.request_hash(), found)?)
}

/// Runs `statement`, `name` in logs, which changes the balance of `user` by `delta`, until it finds the movement or the balance does not allow it.
pub(crate) async fn until_answered<T, Fut>(
    pool: &Pool,
    counters: &Counters,
    name: &'static str,
    (user, delta): (UserId, i64),
    statement: impl Fn(Borrowed) -> Fut + Sync,
) -> Result<T, LedgerFailure>
where
    T: Send,
    Fut: Future<Output = sqlx::Result<Answer<T>>> + Send,
{
    let mut attempts = Attempts::new(name, counters);
    let mut touched = false;
    loop {
        let seen_balance = match pool.once(&statement).await? {
            Ok(Answer::Found(found)) => return Ok(found),
            Ok(Answer::NotMoved { seen_balance }) => seen_balance,
            Err(error) => {
                attempts.again_after(error).await?;
                continue;
            }
        };
        let Err(refusal) = allowed(seen_balance, delta) else {
            // The snapshot would have allowed it: another statement moved tokens while this one waited for the row.
            attempts.again_raced().await?;
            continue;
        };
        if refusal == LedgerError::InsufficientTokens && !touched {
            touched = true;
            if expire_due_of(pool, counters, user).await? {
                continue;
            }
        }
        counters.refused();
        return Err(refusal.into());
    }
}
