//! The credentials that users type, and the legacy service's rules for them.

use std::fmt;

/// A password that a user typed. Never shown, never logged.
#[derive(Clone)]
pub struct Password(String);

/// The text breaks a rule; completes "`field` …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCredential(pub &'static str);

impl Password {
    /// The longest accepted password, in characters: Firebase's own limit.
    pub const MAX_CHARACTERS: usize = 4096;

    /// A password as typed at a sign-in: only its length is checked, since the rules may have changed since the user chose it.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn typed(text: String) -> Result<Self, BadCredential> {
        if (1..=Self::MAX_CHARACTERS).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(BadCredential("must be 1 to 4096 characters"))
        }
    }

    /// A new password: at least 8 characters, with a letter and a digit; all other characters are allowed.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn chosen(text: String) -> Result<Self, BadCredential> {
        if !(8..=Self::MAX_CHARACTERS).contains(&text.chars().count()) {
            return Err(BadCredential("must be 8 to 4096 characters"));
        }
        if !text.chars().any(char::is_alphabetic) || !text.chars().any(|c| c.is_ascii_digit()) {
            return Err(BadCredential("must contain a letter and a digit"));
        }
        Ok(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A username of the legacy service: 3–100 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn parse(text: String) -> Result<Self, BadCredential> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && (3..=100).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(BadCredential("must be 3 to 100 letters and digits"))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_passwords_follow_the_legacy_rule_and_allow_every_character() {
        for good in ["abcdefg1", "pass-word_1.", "пароль12", &"a1".repeat(2048)] {
            assert!(Password::chosen(good.to_owned()).is_ok(), "{good:.20}");
        }
        for bad in ["", "abc1", "abcdefgh", "12345678", &"a1".repeat(2049)] {
            assert!(Password::chosen(bad.to_owned()).is_err(), "{bad:.20}");
        }
        assert!(Password::typed("x".to_owned()).is_ok());
        assert!(Password::typed(String::new()).is_err());
        assert_eq!(
            format!("{:?}", Password::typed("hunter2".to_owned())),
            "Ok(Password)"
        );
    }

    #[test]
    fn usernames_are_letters_and_digits() {
        assert!(Username::parse("Ada1".to_owned()).is_ok());
        for bad in ["", "ab", "a b", "a_b", "adä", &"a".repeat(101)] {
            assert!(Username::parse(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
