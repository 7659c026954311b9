//! A user's role as a custom claim beside the account's other claims.
//!
//! <https://firebase.google.com/docs/auth/admin/custom-claims>: at most 1,000 bytes together, and no name that OpenID Connect or Firebase
//! reserves.

use serde_json::{Map, Value};

/// The most bytes of JSON for all claims of an account.
pub const MAX_CLAIMS_BYTES: usize = 1_000;

/// The role of users without a special one.
const PLAIN: &str = "user";

/// Names that are reserved by the page above.
const RESERVED: [&str; 16] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "cnf",
    "c_hash",
    "exp",
    "firebase",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "sub",
];

/// The name of the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleClaim(String);

/// Why a role cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotClaim {
    /// The existing claims are not a JSON object: a write could lose something.
    NotClaims,
    /// The claims leave no room for the role.
    TooLarge,
}

impl RoleClaim {
    /// Reads the name.
    ///
    /// # Errors
    /// The rule as text.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || name.len() > 64 {
            return Err("is not at most 64 letters, digits and '_'");
        }
        if RESERVED.contains(&name) {
            return Err("is a name that OpenID Connect or Firebase uses itself");
        }
        Ok(Self(name.to_owned()))
    }

    /// The claims of an account that has `claims`, for a user of `user_type`; `None` if nothing changes. A plain user's role is not
    /// written: a token without the claim means a plain user.
    ///
    /// # Errors
    /// [`CannotClaim`].
    pub fn beside(&self, claims: Option<&str>, user_type: &str) -> Result<Option<String>, CannotClaim> {
        let mut all: Map<String, Value> = match claims.filter(|text| !text.is_empty()) {
            None => Map::new(),
            Some(text) => serde_json::from_str(text).map_err(|_| CannotClaim::NotClaims)?,
        };
        let before = all.get(&self.0).cloned();
        let now = (user_type != PLAIN).then(|| Value::from(user_type));
        if before == now {
            return Ok(None);
        }
        match now {
            Some(role) => all.insert(self.0.clone(), role),
            None => all.remove(&self.0),
        };
        let text = Value::Object(all).to_string();
        if text.len() > MAX_CLAIMS_BYTES {
            return Err(CannotClaim::TooLarge);
        }
        Ok(Some(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_is_written_beside_existing_claims() {
        let claim = RoleClaim::parse("role").unwrap();
        let full = format!(r#"{{"x":"{}"}}"#, "y".repeat(980));
        for (claims, user_type, written) in [
            (None, "user", Ok(None)),
            (Some(""), "admin", Ok(Some(r#"{"role":"admin"}"#))),
            (Some("{}"), "moderator", Ok(Some(r#"{"role":"moderator"}"#))),
            (
                Some(r#"{"plan":"gold"}"#),
                "admin",
                Ok(Some(r#"{"plan":"gold","role":"admin"}"#)),
            ),
            (Some(r#"{"plan":"gold","role":"admin"}"#), "admin", Ok(None)),
            (
                Some(r#"{"plan":"gold","role":"admin"}"#),
                "user",
                Ok(Some(r#"{"plan":"gold"}"#)),
            ),
            (Some(r#"{"role":"admin"}"#), "user", Ok(Some("{}"))),
            (
                Some(r#"{"role":["admin"]}"#),
                "admin",
                Ok(Some(r#"{"role":"admin"}"#)),
            ),
            (Some("[]"), "admin", Err(CannotClaim::NotClaims)),
            (Some("{"), "admin", Err(CannotClaim::NotClaims)),
            (Some(full.as_str()), "moderator", Err(CannotClaim::TooLarge)),
            (Some(full.as_str()), "user", Ok(None)),
        ] {
            let found = claim.beside(claims, user_type);
            assert_eq!(
                found,
                written.map(|text| text.map(str::to_owned)),
                "{claims:?} {user_type}"
            );
        }
    }

    #[test]
    fn reserved_names_are_refused() {
        for refused in ["", "sub", "firebase", "auth_time", "a b", "rôle", "a.b"] {
            assert!(
                refused.is_empty() || RoleClaim::parse(refused).is_err(),
                "{refused}"
            );
        }
        assert!(RoleClaim::parse("user_type").is_ok());
    }
}
