//! The error of a field.

/// A field that breaks its rule; the text completes "`field` …" and never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidField(pub &'static str);
