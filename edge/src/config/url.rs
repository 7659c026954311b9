//! Addresses of the services behind the edge.

use shared::token::Environment;

/// Where a service is: scheme, host, optional port and path; no query, no credentials, no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    path_at: usize,
}

impl BaseUrl {
    /// Reads an absolute `http` or `https` address.
    ///
    /// # Errors
    /// The rule in words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rule = "is not an address such as https://auth.example.com";
        let scheme_length = ["https://", "http://"]
            .iter()
            .find(|scheme| text.starts_with(**scheme))
            .map(|scheme| scheme.len())
            .ok_or(rule)?;
        let text = text.trim_end_matches('/');
        let rest = text.get(scheme_length..).ok_or(rule)?;
        let host_length = rest.find('/').unwrap_or(rest.len());
        let host = rest.get(..host_length).ok_or(rule)?;
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        let plain_path = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\');
        if host.is_empty() || !host.bytes().all(plain) || !rest.bytes().skip(host_length).all(plain_path) {
            return Err(rule);
        }
        Ok(Self {
            text: text.to_owned(),
            path_at: scheme_length.saturating_add(host_length),
        })
    }

    /// The address of `path` (with its leading slash) and `query` (with its `?`, or empty) at this service.
    #[must_use]
    pub fn target(&self, path: &str, query: &str) -> Target {
        Target {
            url: [&self.text, path, query].concat(),
            path_at: self.path_at,
            query_length: query.len(),
        }
    }
}

/// An address to send a request to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: String,
    path_at: usize,
    query_length: usize,
}

impl Target {
    /// The whole address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path that arrives there, which the assertion is bound to.
    #[must_use]
    pub fn path(&self) -> &str {
        let end = self.url.len().saturating_sub(self.query_length);
        self.url.get(self.path_at..end).unwrap_or_default()
    }
}

/// Reads the address of a key set. Keys decide who everybody is, so outside development they come over TLS only.
pub(super) fn keys_url(text: &str, environment: Environment) -> Result<String, &'static str> {
    BaseUrl::parse(text.split('?').next().unwrap_or(text))?;
    if environment != Environment::Development && !text.starts_with("https://") {
        return Err("is not https, which only ENVIRONMENT=development may do without");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_keep_the_base_path() {
        for (base, url, path) in [
            ("http://127.0.0.1:3008", "http://127.0.0.1:3008/v1/x?q=1", "/v1/x"),
            (
                "http://127.0.0.1:3008/",
                "http://127.0.0.1:3008/v1/x?q=1",
                "/v1/x",
            ),
            (
                "https://a.test/base/",
                "https://a.test/base/v1/x?q=1",
                "/base/v1/x",
            ),
            ("http://[::1]:80", "http://[::1]:80/v1/x?q=1", "/v1/x"),
        ] {
            let target = BaseUrl::parse(base).unwrap().target("/v1/x", "?q=1");
            assert_eq!((target.url(), target.path()), (url, path));
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for refused in [
            "",
            "origin",
            "ftp://a.test",
            "https://",
            "https:///x",
            "https://user:secret@a.test",
            "https://a.test?x",
            "https://a.test/#x",
            "https://a b.test",
            "https://a.test/x y",
            "http://a.test\n",
        ] {
            assert!(BaseUrl::parse(refused).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn keys_come_over_tls_outside_development() {
        let http = "http://127.0.0.1:9/keys?x=1";
        assert!(keys_url(http, Environment::Development).is_ok());
        assert!(keys_url(http, Environment::Staging).is_err());
        assert!(keys_url(http, Environment::Production).is_err());
        assert!(keys_url("https://a.test/keys", Environment::Production).is_ok());
    }
}
