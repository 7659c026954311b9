//! The texts of a movement, each with a rule of its own.

use shared::ids::UserId;
use uuid::Uuid;

use super::hold::HoldId;
use super::invalid_field::InvalidField;

shared::text_type!(
    /// Why tokens moved, for users and reports: 1–100 characters, none of them a control character, not blank.
    Reason, InvalidField,
    |text| free_text(text, 100, "must be 1 to 100 characters, not blank", "must not contain control characters")
);

shared::text_type!(
    /// The caller's own record of the movement (a job, an order): 1–255 characters, otherwise as [`Reason`].
    Reference, InvalidField,
    |text| free_text(text, 255, "must be 1 to 255 characters, not blank", "must not contain control characters")
);

shared::text_type!(
    /// The caller's name for one intended movement: 1–255 printable ASCII characters.
    ///
    /// Scoped by [`Caller`]: two services may use the same key for different movements.
    IdempotencyKey, InvalidField,
    |text| {
        if !(1..=255).contains(&text.len()) {
            return Err(InvalidField("must be 1 to 255 characters"));
        }
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || text.trim().len() != text.len() {
            return Err(InvalidField("must be printable ASCII without spaces around it"));
        }
        Ok(())
    }
);

/// The caller of a movement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller(String);

impl Caller {
    /// The origin itself, as text.
    pub const ORIGIN: &'static str = "origin";

    /// The origin itself: the welcome grant, the expiry of holds.
    #[must_use]
    pub fn origin() -> Self {
        Self(Self::ORIGIN.to_owned())
    }

    /// A service of ours, by its configured name: 1–64 of `A-Z a-z 0-9 . _ -`. No such name equals the origin's.
    ///
    /// # Errors
    /// [`InvalidField`] naming the rule.
    pub fn service(name: &str) -> Result<Self, InvalidField> {
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if (1..=64).contains(&name.len()) && plain {
            Ok(Self(format!("service:{name}")))
        } else {
            Err(InvalidField("must be 1-64 of A-Z a-z 0-9 . _ -"))
        }
    }

    /// The name, as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdempotencyKey {
    /// The key of a user's one welcome grant.
    #[must_use]
    pub fn welcome_grant(user: UserId) -> Self {
        Self(format!("grant:welcome:{user}"))
    }

    /// The key of a hold's one expiry.
    #[must_use]
    pub fn hold_expiry(hold: HoldId) -> Self {
        Self(format!("hold:expiry:{hold}"))
    }

    /// A key from a random `nonce`, for a caller that sent none: its repeats cannot be recognised.
    #[must_use]
    pub fn fresh(nonce: Uuid) -> Self {
        Self(format!("fresh:{nonce}"))
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
    fn keys_are_short_printable_ascii() {
        for legal in [
            "a",
            "job 17",
            "~!",
            &"k".repeat(255),
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        ] {
            assert!(IdempotencyKey::parse(legal).is_ok(), "{legal}");
        }
        for refused in [
            "",
            " ",
            " a",
            "a ",
            "a\n",
            "a\0b",
            "clé",
            "\u{7f}",
            &"k".repeat(256),
        ] {
            assert!(IdempotencyKey::parse(refused).is_err(), "{refused:?}");
        }
    }

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

    #[test]
    fn service_named_like_the_origin_is_refused() {
        assert_eq!(
            Caller::service("analysis-worker").unwrap().as_str(),
            "service:analysis-worker"
        );
        assert_ne!(Caller::service("origin").unwrap(), Caller::origin());
        for refused in ["", "a b", "a:b", "é", &"a".repeat(65)] {
            assert!(Caller::service(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn origin_keys_are_legal_keys() {
        let id = Uuid::from_u128(7);
        for key in [
            IdempotencyKey::fresh(id),
            IdempotencyKey::welcome_grant(UserId(id)),
            IdempotencyKey::hold_expiry(HoldId(id)),
        ] {
            assert!(IdempotencyKey::parse(key.as_str()).is_ok());
        }
    }
}
