//! The database's errors for the log and for a terminal.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use shared::causes::{self, Line};

/// An error and its causes in one line, for the log: as [`causes::Causes`], with the SQLSTATE of the database's refusal.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(self.0).join(": "))
    }
}

/// The error's text, then the texts of its causes that add something. Contains no address of a user: from the database only the message,
/// never the detail, which quotes rows.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> Vec<String> {
    causes::told(error, |cause| match cause.downcast_ref::<sqlx::Error>() {
        // The causes below repeat this, with a line of PostgreSQL's own source.
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
    fn refused_connection_is_reported_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot connect")]
        struct Outer(#[source] sqlx::Error);
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Outer(sqlx::Error::Io(refused));
        assert_eq!(told(&error), ["cannot connect", "connection refused"]);
        assert_eq!(Causes(&error).to_string(), "cannot connect: connection refused");
    }
}
