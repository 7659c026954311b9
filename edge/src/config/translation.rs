//! Which services get a token of the legacy service's kind (`"token": "legacy"`), and where they look for it.

use serde::Deserialize;

use super::auth_mode::AuthMode;

/// Where a service that reads only legacy tokens finds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translation {
    /// In the `Authorization` header alone.
    Header,
    /// Also in this parameter of the query, in a handshake.
    Query(String),
    /// Also in the payload of Socket.IO's CONNECT packets, under this name (`auth` of the client).
    Auth(String),
}

/// The kinds of token that the edge can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Legacy,
}

impl Translation {
    /// The parameter of the query.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        match self {
            Self::Query(name) => Some(name),
            Self::Header | Self::Auth(_) => None,
        }
    }

    /// The name in the payload of CONNECT packets.
    #[must_use]
    pub fn auth(&self) -> Option<&str> {
        match self {
            Self::Auth(name) => Some(name),
            Self::Header | Self::Query(_) => None,
        }
    }

    /// Reads `token` and `token_in` of an entry: `header` (the default), `query:NAME` or `auth:NAME`.
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
        Self::place(token_in.unwrap_or("header"))
            .map(Some)
            .ok_or("token_in is not `header`, `query:NAME` or `auth:NAME`")
    }

    fn place(text: &str) -> Option<Self> {
        if text == "header" {
            return Some(Self::Header);
        }
        let (place, name) = text.split_once(':')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
            return None;
        }
        match place {
            "query" => Some(Self::Query(name.to_owned())),
            "auth" => Some(Self::Auth(name.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_header_a_parameter_or_a_payload() {
        let read = |token_in| Translation::read(Some(Kind::Legacy), token_in, AuthMode::Optional, false);
        assert_eq!(read(None), Ok(Some(Translation::Header)));
        assert_eq!(read(Some("header")), Ok(Some(Translation::Header)));
        let token = || "token".to_owned();
        assert_eq!(read(Some("query:token")), Ok(Some(Translation::Query(token()))));
        assert_eq!(read(Some("auth:token")), Ok(Some(Translation::Auth(token()))));
        for refused in [
            "",
            "query",
            "query:",
            "query:a b",
            "query:a=b",
            "auth:",
            "auth:a b",
            "cookie:token",
            "Header",
            "header:token",
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
