//! What a caller says about a movement: why it happens, and what it belongs to.

use serde::Serialize;

use super::invalid_field::InvalidField;
use super::request_hash::Canonical;

shared::text_type!(
    /// Why tokens moved, for users and reports: 1–100 characters, none of them a control character, not blank.
    #[derive(Serialize)]
    Reason, InvalidField,
    |text| free_text(text, 100, "must be 1 to 100 characters, not blank", "must not contain control characters")
);

shared::text_type!(
    /// The caller's own record of the movement (a job, an order): 1–255 characters, otherwise as [`Reason`].
    #[derive(Serialize)]
    Reference, InvalidField,
    |text| free_text(text, 255, "must be 1 to 255 characters, not blank", "must not contain control characters")
);

/// What a caller says about a movement. The statements read it as JSON, and find each field by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// Why.
    pub reason: Reason,
    /// The caller's own record of the movement.
    pub reference: Option<Reference>,
}

impl Description {
    /// The same, with `reference`.
    #[must_use]
    pub fn with_reference(mut self, reference: Option<Reference>) -> Self {
        self.reference = reference;
        self
    }

    /// Adds the fields to a request's form. A new field is left out where it is absent: the hashes of earlier requests stay as they are.
    pub(super) fn add_to(&self, form: Canonical) -> Canonical {
        form.field("reason", self.reason.as_str())
            .optional("reference", self.reference.as_ref().map(Reference::as_str))
    }
}

/// Only a reason.
impl From<Reason> for Description {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            reference: None,
        }
    }
}

fn free_text(
    text: &str,
    longest: usize,
    length: &'static str,
    control: &'static str,
) -> Result<(), InvalidField> {
    if text.trim().is_empty() || text.chars().count() > longest {
        return Err(InvalidField(length));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidField(control));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_and_references_are_readable_text() {
        for legal in ["refund", "Gutschrift für Prüfung 7", &"é".repeat(100)] {
            assert!(Reason::parse(legal).is_ok(), "{legal}");
            assert!(Reference::parse(legal).is_ok(), "{legal}");
        }
        for refused in ["", "  ", "\t", "a\0", "two\nlines"] {
            assert!(Reason::parse(refused).is_err(), "{refused:?}");
            assert!(Reference::parse(refused).is_err(), "{refused:?}");
        }
        assert!(Reason::parse("é".repeat(101)).is_err());
        assert!(Reference::parse("é".repeat(255)).is_ok());
        assert!(Reference::parse("é".repeat(256)).is_err());
    }
}
