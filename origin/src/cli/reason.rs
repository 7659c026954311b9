//! Why a command failed, for a terminal.

use std::error::Error;

use crate::telemetry::told;

/// The error's text, and its causes on lines of their own.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    told(error).join("\n  because: ")
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

    #[test]
    fn cause_has_a_line_of_its_own() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot connect")]
        struct Outer(#[source] std::io::Error);
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert_eq!(
            with_causes(&Outer(refused)),
            "cannot connect\n  because: connection refused"
        );
    }

    #[test]
    fn count_of_one_is_singular() {
        assert_eq!(counted(1, "migration"), "1 migration");
        assert_eq!(counted(0, "migration"), "0 migrations");
    }
}
