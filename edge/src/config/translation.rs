//! Which services get a token of the legacy service's kind (`"token": "legacy"`), and where they look for it.

use serde::Deserialize;

use super::auth_mode::AuthMode;

/// How the edge hands a legacy token to a service that reads only those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The parameter of the query where the service finds it in a handshake, beside the header.
    pub query: Option<String>,
}

/// The kinds of token that the edge can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Legacy,
}

impl Translation {
    /// Reads `token` and `token_in` of an entry: `header` (the default), or `query:NAME`.
    ///
    /// # Errors
    /// The broken rule.
    pub(super) fn read(
        kind: Option<Kind>,
        token_in: Option<&str>,
        auth: AuthMode,
        forward_token: bool,
    ) -> Result<Option<Self>, &'static str> {
        let Some(Kind::Legacy) = kind else {
            return match token_in {
                None => Ok(None),
                Some(_) => Err("token_in says where a token goes, and there is no `token`"),
            };
        };
        if auth == AuthMode::None {
            return Err("`token` needs a caller who is known, and auth is none");
        }
        if forward_token {
            return Err("`token` replaces the caller's own, which forward_token sends on");
        }
        let query = match token_in {
            None | Some("header") => None,
            Some(place) => Some(parameter(place).ok_or("token_in is not `header` or `query:NAME`")?),
        };
        Ok(Some(Self { query }))
    }
}

fn parameter(place: &str) -> Option<String> {
    let name = place.strip_prefix("query:")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_header_or_a_parameter() {
        let read = |token_in| Translation::read(Some(Kind::Legacy), token_in, AuthMode::Optional, false);
        let found = |token_in| read(token_in).map(|translation| translation.and_then(|it| it.query));
        assert_eq!(found(None), Ok(None));
        assert_eq!(found(Some("header")), Ok(None));
        assert_eq!(found(Some("query:token")), Ok(Some("token".to_owned())));
        for refused in [
            "",
            "query",
            "query:",
            "query:a b",
            "query:a=b",
            "cookie:token",
            "Header",
        ] {
            assert!(read(Some(refused)).is_err(), "{refused}");
        }
        assert_eq!(Translation::read(None, None, AuthMode::None, true), Ok(None));
    }

    #[test]
    fn invalid_values_are_refused() {
        let legacy = Some(Kind::Legacy);
        assert!(Translation::read(None, Some("header"), AuthMode::Required, false).is_err());
        assert!(Translation::read(legacy, None, AuthMode::None, false).is_err());
        assert!(Translation::read(legacy, None, AuthMode::Required, true).is_err());
    }
}
