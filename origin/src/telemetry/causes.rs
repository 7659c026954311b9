//! What the database's errors say, for the log and for a terminal.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use shared::causes::{self, Line};

/// An error and its causes in one line, for the log: as [`causes::Causes`], with the state of what the database refused.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(self.0).join(": "))
    }
}

/// What the error says, then what those of its causes say that say something new. Holds no address of a user: of what the database
/// answers only the message is repeated, never the detail, which quotes rows.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> Vec<String> {
    causes::told(error, |cause| match cause.downcast_ref::<sqlx::Error>() {
        // Below it the same is said once more, with a line of PostgreSQL's own source.
        Some(sqlx::Error::Database(refusal)) => {
            let state = refusal.code().unwrap_or(Cow::Borrowed("unknown"));
            Line::Last(format!("{} (SQLSTATE {state})", refusal.message()))
        }
        Some(sqlx::Error::Io(_)) => Line::Skipped,
        _ => Line::Plain,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot connect")]
        struct Outer(#[source] sqlx::Error);
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Outer(sqlx::Error::Io(refused));
        assert_eq!(told(&error), ["cannot connect", "connection refused"]);
        assert_eq!(Causes(&error).to_string(), "cannot connect: connection refused");
    }
}
