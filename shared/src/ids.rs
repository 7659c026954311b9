//! Identifiers, parsed once and trusted afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An identifier that breaks its rule; the message says which rule, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(pub &'static str);

/// A text that keeps a rule: a type with `parse`, `as_str` and `Display`. `$invalid` names the broken rule, never the value.
#[macro_export]
macro_rules! text_type {
    ($(#[$attribute:meta])* $name:ident, $invalid:ty, $check:expr) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        $(#[$attribute])*
        pub struct $name(String);

        impl $name {
            /// Checks `text` against the rule above.
            ///
            /// # Errors
            /// Names the broken rule.
            pub fn parse(text: impl Into<String>) -> Result<Self, $invalid> {
                let text = text.into();
                let check: fn(&str) -> Result<(), $invalid> = $check;
                check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        text_type!(
            $(#[$doc])*
            #[derive(PartialOrd, Ord, Serialize, Deserialize)]
            #[serde(try_from = "String", into = "String")]
            $name, InvalidId, $check
        );

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(
    /// A Firebase user id (`sub`): 1–128 characters, at most 512 bytes, not blank, no control character. The published limit is 128
    /// "characters", which other libraries count as UTF-16 units, bytes or code points. This counts code points and caps the bytes.
    FirebaseUid,
    |text| {
        if text.len() > 512 || text.chars().count() > 128 {
            return Err(InvalidId("is longer than 128 characters"));
        }
        if text.trim().is_empty() {
            return Err(InvalidId("is empty"));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidId("contains a control character"));
        }
        Ok(())
    }
);

text_id!(
    /// A Firebase (Google Cloud) project id: 4–30 of `a-z`, `0-9`, `-`, starting with a letter. `demo-` ids never reach Google.
    ProjectId,
    |text| {
        let mut bytes = text.bytes();
        let starts_with_letter = bytes.next().is_some_and(|first| first.is_ascii_lowercase());
        let rest_is_plain = bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if (4..=30).contains(&text.len()) && starts_with_letter && rest_is_plain {
            Ok(())
        } else {
            Err(InvalidId("is not a project id (4-30 of a-z, 0-9, '-', starting with a letter)"))
        }
    }
);

text_id!(
    /// An Identity Platform tenant id: 1–64 of letters, digits and `-`.
    TenantId,
    |text| {
        if (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            Ok(())
        } else {
            Err(InvalidId("is not a tenant id (1-64 of letters, digits, '-')"))
        }
    }
);

text_id!(
    /// A request's name in every log of every hop: 1–64 of `A-Z a-z 0-9 . _ -`.
    RequestId,
    |text| {
        if (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
        {
            Ok(())
        } else {
            Err(InvalidId("is not 1-64 of A-Z a-z 0-9 . _ -"))
        }
    }
);

impl RequestId {
    /// The name made of 16 random bytes: 32 lower-case hexadecimal digits, the form of a W3C trace id.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        Self(
            bytes
                .iter()
                .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
                .collect(),
        )
    }
}

/// Our own user id, `auth.users.id`. Migrated accounts carry it as their Firebase uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub Uuid);

impl UserId {
    /// Reads the hyphenated form, any case.
    ///
    /// # Errors
    /// [`InvalidId`] for anything else (braces, `urn:uuid:` and bare hex included).
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 36 {
            return Err(InvalidId("is not a UUID"));
        }
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| InvalidId("is not a UUID"))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An e-mail address in the form that names a user: trimmed and lower-cased, as Firebase stores it.
///
/// The key of the rollout bucket and of linking. Not a proof that the address exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalizedEmail(String);

impl NormalizedEmail {
    /// The longest address accepted, in bytes: `auth.users.email` holds 255 characters.
    pub const MAX_BYTES: usize = 255;

    /// Normalises `text`.
    ///
    /// # Errors
    /// [`InvalidId`] unless it is `local@domain` of at most 255 bytes without white space or control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let text = text.trim();
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidId("is longer than 255 bytes"));
        }
        let well_formed = text
            .rsplit_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !well_formed || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(InvalidId("is not an e-mail address"));
        }
        // Some letters lower-case to another letter: the Kelvin sign becomes `k`. Firebase may see two addresses there, and the proven
        // owner of one must not be taken for the owner of the other.
        let folds = |c: char| !c.is_ascii() && c.to_lowercase().any(|lowered| lowered.is_ascii());
        if text.chars().any(folds) {
            return Err(InvalidId("is not an e-mail address"));
        }
        let lowered = text.to_lowercase();
        // Lower-casing can lengthen text ('Ⱥ' grows by a byte).
        if lowered.len() > Self::MAX_BYTES {
            return Err(InvalidId("is longer than 255 bytes"));
        }
        Ok(Self(lowered))
    }

    /// The normalised address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn uids_of_one_to_128_characters_are_legal() {
        for legal in ["a", "user_42", &"x".repeat(128), &"é".repeat(128), "𝒳"] {
            assert!(FirebaseUid::parse(legal).is_ok(), "{legal}");
        }
        for refused in [
            "",
            " ",
            "\u{a0}",
            &"x".repeat(129),
            "a\nb",
            "a\0",
            &"𝒳".repeat(129),
        ] {
            assert!(FirebaseUid::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn project_ids() {
        for legal in ["demo-crossfade", "abcd", "a123"] {
            assert!(ProjectId::parse(legal).is_ok());
        }
        for refused in [
            "",
            "abc",
            "Demo",
            "1abc",
            "a_bcd",
            "demo crossfade",
            &"a".repeat(31),
            "https://x",
        ] {
            assert!(ProjectId::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn user_ids_have_one_spelling() {
        assert!(UserId::parse("3f2504e0-4f89-41d3-9a0c-0305e82c3301").is_ok());
        assert!(UserId::parse("3F2504E0-4F89-41D3-9A0C-0305E82C3301").is_ok());
        for refused in [
            "3f2504e04f8941d39a0c0305e82c3301",
            "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
            "",
            "me",
        ] {
            assert!(UserId::parse(refused).is_err());
        }
    }

    #[test]
    fn emails_are_normalised() {
        assert_eq!(
            NormalizedEmail::parse("  Zoë@Example.COM ").unwrap().as_str(),
            "zoë@example.com"
        );
        assert_eq!(NormalizedEmail::parse("a@b@C.de").unwrap().domain(), "c.de");
        // Neither Firebase nor the legacy service takes these for one user, so neither do we.
        for distinct in ["ann@example.com", "a.n.n@example.com", "ann+tag@example.com"] {
            assert_eq!(NormalizedEmail::parse(distinct).unwrap().as_str(), distinct);
        }
        for refused in [
            "",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b\n.de",
            "plain",
            "\u{212a}ate@b.de",
            "ann@\u{212a}iwi.de",
            "\u{130}@b.de",
            &format!("{}@b.de", "x".repeat(255)),
        ] {
            assert!(NormalizedEmail::parse(refused).is_err(), "{refused:?}");
        }
    }
}
