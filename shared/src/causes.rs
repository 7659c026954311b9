//! The text of an error together with its causes. Log formats differ in how much of an error they print; this text is always whole.

use std::error::Error;
use std::fmt;

/// An error and its causes in one line, for the log: `cannot connect: connection refused`.
#[derive(Debug, Clone, Copy)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&told(self.0, |_| Line::Plain).join(": "))
    }
}

/// How the text shows a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// In its own words.
    Plain,
    /// Left out: the cause below it says the same.
    Skipped,
    /// In these words, without the causes below it.
    Last(String),
}

/// The text of the error, then of each cause that adds something. `line` decides how each cause is shown.
pub fn told(error: &(dyn Error + 'static), line: impl Fn(&(dyn Error + 'static)) -> Line) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        cause = inner.source();
        let line = match line(inner) {
            Line::Plain => inner.to_string(),
            Line::Skipped => continue,
            Line::Last(text) => {
                cause = None;
                text
            }
        };
        if !lines.iter().any(|known| known.contains(&line)) {
            lines.push(line);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("no answer")]
    struct Middle(#[source] io::Error);

    fn refused() -> Outer {
        Outer(Middle(io::Error::from(io::ErrorKind::ConnectionRefused)))
    }

    #[test]
    fn cause_is_shown_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("the database is away: {0}")]
        struct Repeating(#[source] Middle);
        let error = Repeating(refused().0);
        assert_eq!(
            Causes(&error).to_string(),
            "the database is away: no answer: connection refused"
        );
    }

    #[test]
    fn cause_is_shown_as_decided() {
        let with = |line: Line| {
            told(&refused(), |cause| match cause.downcast_ref::<Middle>() {
                Some(_) => line.clone(),
                None => Line::Plain,
            })
        };
        assert_eq!(
            with(Line::Plain),
            ["cannot connect", "no answer", "connection refused"]
        );
        assert_eq!(with(Line::Skipped), ["cannot connect", "connection refused"]);
        assert_eq!(
            with(Line::Last("timeout".to_owned())),
            ["cannot connect", "timeout"]
        );
    }
}
