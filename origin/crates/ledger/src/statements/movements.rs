//! Credits and debits.

use sqlx::types::Json;
use sqlx::{PgConnection, Row as _};

use super::found::{Answer, Found};
use crate::rules::{Excursion, IdempotencyToken, Movement};

/// Runs `move.sql` for movements of one user: one round trip. Finds all of them, or those with a used key, each with its index.
///
/// # Errors
/// Those of the database; a violation of [`super::IDEMPOTENCY_INDEX`] means that another statement uses the same key right now.
pub async fn move_tokens(
    connection: &mut PgConnection,
    movements: &[(&IdempotencyToken, &Movement)],
) -> sqlx::Result<Answer<Vec<(usize, Found)>>> {
    let Some((token, movement)) = movements.first() else {
        return Ok(Answer::Found(Vec::new()));
    };
    let excursion = Excursion::of(movements.iter().map(|(_, movement)| movement.delta()));
    let statement = if movements.len() == 1 {
        concat!(include_str!("move_one.sql"), include_str!("move.sql"))
    } else {
        concat!(include_str!("move_many.sql"), include_str!("move.sql"))
    };
    let query = sqlx::query(statement)
        .bind(movement.user.0)
        .bind(i64::try_from(movements.len()).unwrap_or(i64::MAX))
        .bind(excursion.total)
        .bind(excursion.lowest)
        .bind(excursion.highest);
    let mut change_so_far: i64 = 0;
    let query = if movements.len() == 1 {
        query
            .bind(token.caller.as_str())
            .bind(token.key.as_str())
            .bind(movement.request_hash().0)
            .bind(movement.delta())
            .bind(Json(&movement.description))
    } else {
        query
            .bind(each(movements, |token, _| token.caller.as_str()))
            .bind(each(movements, |token, _| token.key.as_str()))
            .bind(each(movements, |_, movement| movement.request_hash().0))
            .bind(each(movements, |_, movement| movement.delta()))
            .bind(each(movements, |_, movement| Json(&movement.description)))
            .bind(each(movements, |_, movement| {
                change_so_far = change_so_far.saturating_add(movement.delta());
                change_so_far
            }))
    };
    let rows = query.fetch_all(connection).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(one) = Found::from_row(row)? else {
            return Answer::not_moved(row);
        };
        let place: i64 = row.try_get("place")?;
        let index = usize::try_from(place.saturating_sub(1)).map_err(|error| sqlx::Error::ColumnDecode {
            index: "place".to_owned(),
            source: Box::new(error),
        })?;
        found.push((index, one));
    }
    Ok(Answer::Found(found))
}

/// One value of each movement.
fn each<'a, T>(
    movements: &[(&'a IdempotencyToken, &'a Movement)],
    mut value: impl FnMut(&'a IdempotencyToken, &'a Movement) -> T,
) -> Vec<T> {
    movements
        .iter()
        .map(|(token, movement)| value(token, movement))
        .collect()
}
