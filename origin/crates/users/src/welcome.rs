//! Welcome tokens for those whose address was proven after their row was made.
//!
//! A trigger notes them in the transaction that proves the address, whoever writes it. The sign-in that brings the proof is answered with
//! the tokens; what anything else proves, or a process that died did not get to, is found by the background.

use std::time::Duration;

use database::{DatabaseError, Pool, run};
use shared::causes::Causes;
use shared::ids::UserId;

use crate::rules::user::UserRecord;
use crate::rules::welcome::WelcomeGrant;
use crate::statements::welcome;

/// How many are looked at in one round of the background.
const ROUND: i64 = 100;

/// Gives `id`, whose address has been proven, their welcome. Answers the row if tokens were moved.
///
/// # Errors
/// [`DatabaseError`]; it is tried again by the background.
pub async fn welcome_proven(
    pool: &Pool,
    id: UserId,
    tokens: i32,
) -> Result<Option<UserRecord>, DatabaseError> {
    let grant = &WelcomeGrant::new(id, tokens);
    let given = run(pool, |mut connection| async move {
        welcome::grant(&mut connection, grant).await
    })
    .await;
    match given {
        // Another session is just doing the same, for this row or this person: what it leaves is found by the background.
        Err(error) if error.violated_unique().is_some() => Ok(None),
        given => given,
    }
}

/// Looks at those who are due, one round; answers how many were given tokens.
///
/// # Errors
/// [`DatabaseError`]; whoever is left is due again.
pub async fn welcome_due(pool: &Pool, tokens: i32) -> Result<u64, DatabaseError> {
    let due = run(pool, |mut connection| async move {
        welcome::due(&mut connection, ROUND).await
    })
    .await?;
    let mut given: u64 = 0;
    for id in due {
        if welcome_proven(pool, id, tokens).await?.is_some() {
            given = given.saturating_add(1);
        }
    }
    Ok(given)
}

/// Looks at those who are due every `pause` until the future is dropped. Several replicas may do so at once.
pub async fn keep_welcoming(pool: Pool, tokens: i32, pause: Duration) {
    let mut ticks = tokio::time::interval(pause);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match welcome_due(&pool, tokens).await {
            Ok(0) => {}
            Ok(given) => tracing::info!(given, "welcome tokens given to users whose address was proven"),
            Err(error) => tracing::warn!(error = %Causes(&error), "welcome tokens could not be given"),
        }
    }
}
