//! The errors of the database, by their meaning.

use std::sync::Arc;

use shared::problem::ErrorCode;

use crate::ending::Ending;

/// Why the database gave no answer. Callers never see the cause.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DatabaseError {
    /// The database cannot be reached, is overloaded, or gave up on the statement: a later attempt may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// The database refused the statement: a fault in this program or in the schema.
    #[error("the database refused a statement: {0}")]
    Refused(#[source] Arc<sqlx::Error>),
}

impl DatabaseError {
    /// The violated unique index or constraint, for callers that know its meaning.
    #[must_use]
    pub fn violated_unique(&self) -> Option<&str> {
        self.violated("23505")
    }

    /// The violated foreign key, for callers that know its meaning.
    #[must_use]
    pub fn violated_reference(&self) -> Option<&str> {
        self.violated("23503")
    }

    /// Whether the server answers but takes no writes: a standby, or a server that is read-only for now.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let (Self::Unavailable(error) | Self::Refused(error)) = self;
        Ending::of(error) == Ending::ReadOnly
    }

    /// The stable code on the wire. If the request holds a value that cannot be stored, the sender is at fault, and the code says nothing
    /// about this service.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unavailable(_) => ErrorCode::DatabaseUnavailable,
            Self::Refused(error) if is_about_data(error) => ErrorCode::ValidationError,
            Self::Refused(_) => ErrorCode::Internal,
        }
    }

    fn violated(&self, code: &str) -> Option<&str> {
        match self {
            Self::Refused(error) => {
                let error = error.as_database_error()?;
                (error.code().as_deref() == Some(code))
                    .then(|| error.constraint())
                    .flatten()
            }
            Self::Unavailable(_) => None,
        }
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let unavailable = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(database) => {
                Ending::of(&error) != Ending::Kept
                    || database.code().is_some_and(|code| is_unavailable(&code))
            }
            _ => false,
        };
        if unavailable {
            Self::Unavailable(Arc::new(error))
        } else {
            Self::Refused(Arc::new(error))
        }
    }
}

/// Class 22, data exception: a date out of range, a pattern with half an escape, a number that overflows. Also a value that has no form on
/// the wire at all.
fn is_about_data(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| code.starts_with("22")),
        _ => false,
    }
}

/// SQLSTATE classes and codes that describe the server's state, not the statement:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn is_unavailable(code: &str) -> bool {
    // Connection, insufficient resources, operator intervention (statement timeout and shutdown too), system error.
    const CLASSES: [&str; 4] = ["08", "53", "57", "58"];
    // Read-only after a failover; transactions that lost a conflict; no database, role or schema (yet).
    const CODES: [&str; 9] = [
        "25006", "40001", "40P01", "55P03", "3D000", "28000", "28P01", "42P01", "42703",
    ];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_states_differ_from_statement_faults() {
        for code in [
            "08006", "53300", "57014", "57P01", "57P03", "25006", "40001", "42P01",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in ["23505", "23514", "22001", "42601", "XX000"] {
            assert!(!is_unavailable(code), "{code}");
        }
    }
}
