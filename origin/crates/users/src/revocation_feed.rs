//! The revocation feed: users whose access changed since a cursor.

use database::{Pool, read};
use shared::api::changes::Changes;

use crate::error::OperationError;
use crate::statements::revocations;

/// The most users in one answer; with more, the client should drop its whole cache.
const MAX_USERS: usize = 500;

/// A cursor that the feed has given out: `SYSTEM.TIMELINE.TRANSACTION`, three numbers. Cursors of earlier releases have no history: they
/// were the last number alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedCursor {
    history: Option<String>,
    transaction: String,
}

impl FeedCursor {
    /// Reads `text`; `None` for a text that the feed never gave out.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_number = |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
        let (history, transaction) = match text.rsplit_once('.') {
            None => (None, text),
            Some((history, transaction)) => {
                let (system, timeline) = history.split_once('.')?;
                (is_number(system) && is_number(timeline)).then_some(())?;
                (Some(history.to_owned()), transaction)
            }
        };
        is_number(transaction).then(|| Self {
            history,
            transaction: transaction.to_owned(),
        })
    }
}

/// The users whose access has changed since `since`.
///
/// # Errors
/// A fault of ours.
pub async fn changes(pool: &Pool, since: Option<&FeedCursor>) -> Result<Changes, OperationError> {
    let text = since.map(|cursor| cursor.transaction.as_str());
    let horizon = read(pool, |mut connection| async move {
        revocations::horizon(&mut connection, text).await
    })
    .await?;
    let cursor = format!("{}.{}", horizon.history, horizon.cursor);
    let is_ours = since.is_some_and(|since| since.history.as_ref() == Some(&horizon.history));
    let reset = Changes {
        cursor: cursor.clone(),
        reset: true,
        users: Vec::new(),
    };
    let (Some(text), true) = (text, horizon.is_known && is_ours) else {
        return Ok(reset);
    };
    let most = i64::try_from(MAX_USERS).unwrap_or(1).saturating_add(1);
    let users = read(pool, |mut connection| async move {
        revocations::changed_since(&mut connection, text, most).await
    })
    .await?;
    Ok(if users.len() > MAX_USERS {
        reset
    } else {
        Changes {
            cursor,
            reset: false,
            users,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_issued_text_is_a_cursor() {
        for good in [
            "0",
            "731",
            "18446744073709551615",
            "7713670497593704084.2.731",
            "0.0.1",
        ] {
            assert!(FeedCursor::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "-1",
            "+1",
            "01",
            "1 ",
            "18446744073709551616",
            "x",
            "1.2",
            "1.2.x",
            "1.2.3.4",
            "01.2.3",
            ".1.2",
            "1..2",
        ] {
            assert!(FeedCursor::parse(bad).is_none(), "{bad}");
        }
    }
}
