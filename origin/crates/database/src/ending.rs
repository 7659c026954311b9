//! How a statement ended, and what its session is good for afterwards.
//!
//! The protocol decides: an error of severity `ERROR` leaves the session as it was; `FATAL` and `PANIC` end it
//! (<https://www.postgresql.org/docs/current/protocol-error-fields.html>). The list of codes covers only sessions that live on in a state
//! that no longer matches the database.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// The state of a session after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As good as before: the statement succeeded, or the server refused this statement only.
    Kept,
    /// The session is over or out of step. It is unknown whether the statement took effect.
    Lost,
    /// The session lives but remembers something outdated: the type of a column, a prepared statement. The statement did not run.
    Stale,
    /// The session may not write: a standby, or a server that was read-only when the session began. The statement did not run.
    ReadOnly,
    /// There was no answer within the limit. It is unknown whether the statement took effect; a repetition would wait as long.
    Late,
    /// This program could not read the answer. The server is well; the session may be out of step.
    Broken,
}

impl Ending {
    pub(crate) fn of_answer<T>(answer: &sqlx::Result<T>) -> Self {
        match answer {
            Ok(_) => Self::Kept,
            Err(error) => Self::of(error),
        }
    }

    /// The state in which `error` leaves the session.
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::Kept,
            sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
                Some(answer) => of_answer(answer),
                None => Self::Lost,
            },
            sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => Self::Late,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => Self::Lost,
            _ => Self::Broken,
        }
    }

    /// Whether a repeatable statement may succeed on a fresh session.
    #[must_use]
    pub const fn may_fare_better_on_a_fresh_session(self) -> bool {
        matches!(self, Self::Lost | Self::Stale | Self::ReadOnly)
    }
}

fn of_answer(error: &PgDatabaseError) -> Ending {
    match error.severity() {
        PgSeverity::Fatal | PgSeverity::Panic => return Ending::Lost,
        _ => {}
    }
    match error.code() {
        // Protocol violation: this session does not hold the prepared statement that was meant.
        "08P01" => Ending::Lost,
        "25006" => Ending::ReadOnly,
        // Transaction state: a transaction was open or had failed before the statement came.
        "25001" | "25P01" | "25P02" => Ending::Stale,
        // Prepared statements: the server does not know this one, or has another under its name.
        "26000" | "42P05" => Ending::Stale,
        // "cached plan must not change result type". The sentence comes in the server's language, the routine does not.
        "0A000" if error.routine() == Some("RevalidateCachedQuery") => Ending::Stale,
        _ => Ending::Kept,
    }
}

/// The error for a statement without an answer within `limit`.
pub(super) fn late(limit: Duration) -> sqlx::Error {
    let text = format!("no answer within {} ms", limit.as_millis());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// The error for a statement on which the server does not work.
pub(super) fn unheard() -> sqlx::Error {
    let text = "the server has nothing to do for this session, and no answer came";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::ConnectionAborted, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_side_errors_have_distinct_endings() {
        let io = |kind| sqlx::Error::Io(io::Error::new(kind, "x"));
        for (error, ending) in [
            (sqlx::Error::RowNotFound, Ending::Kept),
            (io(io::ErrorKind::UnexpectedEof), Ending::Lost),
            (io(io::ErrorKind::ConnectionReset), Ending::Lost),
            (sqlx::Error::Protocol("x".to_owned()), Ending::Lost),
            (late(Duration::from_secs(1)), Ending::Late),
            (unheard(), Ending::Lost),
            (sqlx::Error::ColumnNotFound("x".to_owned()), Ending::Broken),
        ] {
            assert_eq!(Ending::of(&error), ending, "{error:?}");
        }
    }

    #[test]
    fn only_session_failures_are_retried() {
        for (ending, again) in [
            (Ending::Kept, false),
            (Ending::Lost, true),
            (Ending::Stale, true),
            (Ending::ReadOnly, true),
            (Ending::Late, false),
            (Ending::Broken, false),
        ] {
            assert_eq!(ending.may_fare_better_on_a_fresh_session(), again, "{ending:?}");
        }
    }
}
