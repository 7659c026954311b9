//! Why a command failed, for whoever reads a terminal.

use std::error::Error;

/// What the error says, and on lines of their own those of its causes that say something new. Holds no address of a person: of what the
/// database answers only the message is repeated, never the detail, which quotes rows.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = match inner.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(refusal)) => {
                let state = refusal.code().unwrap_or(std::borrow::Cow::Borrowed("unknown"));
                // Below it the same is said once more, with a line of PostgreSQL's own source.
                cause = None;
                format!("{} (SQLSTATE {state})", refusal.message())
            }
            Some(sqlx::Error::Io(_)) => {
                cause = inner.source();
                continue;
            }
            _ => {
                cause = inner.source();
                inner.to_string()
            }
        };
        if !text.contains(&said) {
            text.push_str("\n  because: ");
            text.push_str(&said);
        }
    }
    text
}

/// `1 migration`, `2 migrations`.
pub(super) fn counted(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] sqlx::Error);

    #[test]
    fn a_cause_is_told_once() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Outer(sqlx::Error::Io(refused));
        assert_eq!(
            with_causes(&error),
            "cannot connect\n  because: connection refused"
        );
        assert_eq!(
            with_causes(&Outer(sqlx::Error::PoolClosed)),
            format!("cannot connect\n  because: {}", sqlx::Error::PoolClosed)
        );
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!(counted(1, "migration"), "1 migration");
        assert_eq!(counted(0, "migration"), "0 migrations");
    }
}
