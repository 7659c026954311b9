//! Tokens of the legacy auth service: HS256 under the shared secret.

use serde_json::Value;

use super::draft::{Draft, Signature};

/// `iss` of every legacy token.
pub const ISSUER: &str = "atma-auth-service";
/// `aud` of every legacy token.
pub const AUDIENCE: &str = "atma-services";

/// The user as the legacy service knows them when it issues a token.
#[derive(Debug, Clone)]
pub struct LegacyUser {
    /// The row's id, a UUID.
    pub id: String,
    /// The user's address.
    pub email: String,
    /// The user's unique name.
    pub username: Option<String>,
    /// `user`, `moderator`, `admin` or `superadmin`.
    pub user_type: String,
    /// The user's tokens at sign-in.
    pub token_balance: i32,
}

/// A token valid for `lifetime` seconds from `now` (seconds since 1970). Admins get other claims than all other users, moderators included.
#[must_use]
pub fn legacy_token(user: &LegacyUser, secret: &[u8], now: i64, lifetime: i64) -> Draft {
    let draft = Draft::new(Signature::Hs256(secret.to_vec()))
        .header("alg", "HS256")
        .header("typ", "JWT")
        .claim("id", user.id.as_str())
        .claim("email", user.email.as_str());
    let draft = match user.user_type.as_str() {
        "admin" | "superadmin" => draft
            .claim("username", user.username.clone().map_or(Value::Null, Value::from))
            .claim("role", user.user_type.as_str())
            .claim("type", "admin"),
        _ => draft
            .claim("tokenBalance", user.token_balance)
            .claim("type", "user"),
    };
    draft
        .claim("iat", now)
        .claim("exp", now.saturating_add(lifetime))
        .claim("aud", AUDIENCE)
        .claim("iss", ISSUER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(user_type: &str) -> LegacyUser {
        LegacyUser {
            id: "8b0c9a5e-6c1a-4d3b-9d8e-0f1a2b3c4d5e".to_owned(),
            email: "ann@example.com".to_owned(),
            username: Some("ann".to_owned()),
            user_type: user_type.to_owned(),
            token_balance: 3,
        }
    }

    #[test]
    fn claims_depend_on_the_user_type() {
        for (user_type, kind, role) in [
            ("user", "user", None),
            ("moderator", "user", None),
            ("admin", "admin", Some("admin")),
            ("superadmin", "admin", Some("superadmin")),
        ] {
            let draft = legacy_token(&user(user_type), b"secret", 100, 60);
            let claims = draft.claims();
            assert_eq!(claims["type"], kind, "{user_type}");
            assert_eq!(claims.get("role").and_then(Value::as_str), role, "{user_type}");
            assert_eq!(claims.contains_key("tokenBalance"), kind == "user", "{user_type}");
            assert_eq!(claims["exp"], 160);
        }
    }
}
