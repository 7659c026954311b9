//! Welcome tokens for users who prove their address after their row was made.
//!
//! A trigger records them in the transaction that proves the address, for every writer. The sign-in with the proof is answered with the
//! tokens; the background processes the other proofs, and those that a process left when it died.

use std::time::Duration;

use database::{DatabaseError, Pool, run};
use shared::causes::Causes;
use shared::ids::UserId;

use crate::rules::user::UserRecord;
use crate::rules::welcome::WelcomeGrant;
use crate::statements::welcome;

/// How many users one round of the background processes.
const ROUND: i64 = 100;

/// Gives `id`, who has proven their address, their welcome. Answers the row if tokens moved.
///
/// # Errors
/// [`DatabaseError`]; the background retries.
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
        // Another session is doing the same, for this row or this person: the background finds what it leaves.
        Err(error) if error.violated_unique().is_some() => Ok(None),
        given => given,
    }
}

/// Processes the users who are due, one round; answers how many got tokens.
///
/// # Errors
/// [`DatabaseError`]; the rest stays due.
pub async fn welcome_due(pool: &Pool, tokens: i32) -> Result<u64, DatabaseError> {
    let due = run(pool, |mut connection| async move {
        welcome::due(&mut connection, ROUND).await
    })
    .await?;
    let mut given: u64 = 0;
    let mut failure = None;
    for id in due {
        match welcome_proven(pool, id, tokens).await {
            Ok(moved) => given = given.saturating_add(u64::from(moved.is_some())),
            // Another transaction may hold this user's row: the users behind do not wait for it. After a second failure the database is away.
            Err(error) if failure.is_none() => failure = Some(error),
            Err(error) => return Err(error),
        }
    }
    failure.map_or(Ok(given), Err)
}

/// Processes the users who are due every `pause` until the future is dropped. Several replicas may do so at once.
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
