//! Who moves tokens, and the name for one intended movement.

use shared::ids::UserId;
use uuid::Uuid;

use super::hold::HoldId;
use super::invalid_field::InvalidField;

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
