//! What an error says together with what lies beneath it. Log formats differ in how much of an error they print; this does not.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// An error and its causes in one line, for the log: `cannot connect: connection refused`.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(self.0).join(": "))
    }
}

/// What the error says, then what those of its causes say that say something new. Holds no address of a person: of what the database
/// answers only the message is repeated, never the detail, which quotes rows.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        cause = inner.source();
        let line = match inner.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(refusal)) => {
                // Below it the same is said once more, with a line of PostgreSQL's own source.
                cause = None;
                let state = refusal.code().unwrap_or(Cow::Borrowed("unknown"));
                format!("{} (SQLSTATE {state})", refusal.message())
            }
            Some(sqlx::Error::Io(_)) => continue,
            _ => inner.to_string(),
        };
        if !lines.iter().any(|known| known.contains(&line)) {
            lines.push(line);
        }
    }
    lines
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
        assert_eq!(told(&error), ["cannot connect", "connection refused"]);
        assert_eq!(Causes(&error).to_string(), "cannot connect: connection refused");
    }

    #[test]
    fn what_was_said_already_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("the database is away: {0}")]
        struct Repeating(#[source] sqlx::Error);
        let closed = sqlx::Error::PoolClosed.to_string();
        assert_eq!(
            told(&Repeating(sqlx::Error::PoolClosed)),
            [format!("the database is away: {closed}")]
        );
    }
}
