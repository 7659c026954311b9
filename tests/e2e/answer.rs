//! An answer, together with the request that led to it. Every check that fails prints both.

use std::fmt;

use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The request, as a failed check prints it.
    pub request: String,
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n→ {}", self.request, self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.text)
    }
}

impl Answer {
    /// The body as JSON; `null` when it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The first header called `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value at `pointer` (RFC 6901) in the body.
    #[track_caller]
    pub fn at(&self, pointer: &str) -> Value {
        self.json()
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer} in the answer\n{self}"))
            .clone()
    }

    /// The text at `pointer` in the body.
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> String {
        match self.at(pointer) {
            Value::String(text) => text,
            other => panic!("{pointer} is {other}, not a text\n{self}"),
        }
    }

    /// Checks the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the status\n{self}");
        self
    }

    /// Checks the status and the stable code of a failure.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.at("/error/code"), code, "the code\n{answer}");
        answer
    }

    /// Checks a value in the body.
    #[track_caller]
    pub fn has(self, pointer: &str, expected: impl Into<Value>) -> Self {
        assert_eq!(self.at(pointer), expected.into(), "{pointer}\n{self}");
        self
    }

    /// Checks a header's value.
    #[track_caller]
    pub fn has_header(self, name: &str, expected: &str) -> Self {
        assert_eq!(self.header(name), Some(expected), "{name}\n{self}");
        self
    }

    /// Checks that a header is not there.
    #[track_caller]
    pub fn lacks_header(self, name: &str) -> Self {
        assert_eq!(self.header(name), None, "{name}\n{self}");
        self
    }

    /// Checks which side answered and why.
    #[track_caller]
    pub fn came_from(self, route: &str, reason: &str) -> Self {
        self.has_header("x-auth-route", route)
            .has_header("x-auth-route-reason", reason)
    }

    /// Checks that our marks are on it: a name for the request, who answered, why.
    #[track_caller]
    pub fn marked(self) -> Self {
        for name in ["x-request-id", "x-auth-route", "x-auth-route-reason"] {
            assert!(
                self.header(name).is_some_and(|value| !value.is_empty()),
                "no {name}\n{self}"
            );
        }
        self
    }
}
