//! Telling those who keep standings whose have changed.

use shared::api::changes::Changes;

use super::OperationError;
use crate::postgres::{Pool, read, standing};

/// The most people told at once; with more it is cheaper to forget everybody.
const MAX_PEOPLE: usize = 500;

/// A place in the feed, as it was given out. Its text is a number of at most 20 digits that PostgreSQL takes for a transaction's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCursor(String);

impl FeedCursor {
    /// Reads `text`; `None` for anything that was never given out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<u64>()
            .is_ok_and(|number| number.to_string() == text)
            .then(|| Self(text.to_owned()))
    }
}

/// Whose right to act has changed since `since`.
///
/// # Errors
/// A fault of ours.
pub async fn changes(pool: &Pool, since: Option<&FeedCursor>) -> Result<Changes, OperationError> {
    let text = since.map(|cursor| cursor.0.as_str());
    let horizon = read(pool, |mut connection| async move {
        standing::horizon(&mut connection, text).await
    })
    .await?;
    let reset = Changes {
        cursor: horizon.cursor.clone(),
        reset: true,
        people: Vec::new(),
    };
    let (Some(text), true) = (text, horizon.is_known) else {
        return Ok(reset);
    };
    let most = i64::try_from(MAX_PEOPLE).unwrap_or(1).saturating_add(1);
    let people = read(pool, |mut connection| async move {
        standing::changed_since(&mut connection, text, most).await
    })
    .await?;
    Ok(if people.len() > MAX_PEOPLE {
        reset
    } else {
        Changes {
            cursor: horizon.cursor,
            reset: false,
            people,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_out_is_a_cursor() {
        for good in ["0", "731", "18446744073709551615"] {
            assert!(FeedCursor::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-1", "+1", "01", "1 ", "18446744073709551616", "x"] {
            assert!(FeedCursor::parse(bad).is_none(), "{bad}");
        }
    }
}
