//! Addresses of the services behind the edge.

use shared::target;
use shared::token::Environment;

/// The address of a service: scheme, host, optional port and path; no query, no credentials, no slash at the end.
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
        let path = rest.get(host_length..).unwrap_or_default();
        // The path must be in its one spelling, or the service receives another path than the sealed one.
        let final_path = path.is_empty()
            || target::Target::read(path).is_ok_and(|read| read.path == path && read.query.is_empty());
        if host.is_empty() || !host.bytes().all(plain) || !final_path {
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

impl BaseUrl {
    /// What a client may see in place of `location`, if that is an address of this service: its path there, which is also the path here. An
    /// address elsewhere, and one without a host, means the same to a client as to the service.
    #[must_use]
    pub fn public_location(&self, location: &str) -> Option<String> {
        let rest = self.below(location)?;
        // Two slashes at the beginning would name a host.
        (!rest.starts_with("//")).then(|| {
            if rest.starts_with('/') {
                rest.to_owned()
            } else {
                format!("/{rest}")
            }
        })
    }

    /// The rest of `location` after this address: empty, or from the next `/`, `?` or `#` on.
    pub(super) fn below<'l>(&self, location: &'l str) -> Option<&'l str> {
        let (own_scheme, own) = self.text.split_once("://")?;
        let rest = match location.strip_prefix("//") {
            Some(rest) => rest,
            None => {
                let (scheme, rest) = location.split_once("://")?;
                scheme.eq_ignore_ascii_case(own_scheme).then_some(rest)?
            }
        };
        let (own_authority, own_path) = own.split_at_checked(own.find('/').unwrap_or(own.len()))?;
        let (authority, rest) =
            rest.split_at_checked(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()))?;
        let bare = |authority: &'l str| without_port(authority, own_scheme);
        if !bare(authority).eq_ignore_ascii_case(without_port(own_authority, own_scheme)) {
            return None;
        }
        let rest = rest.strip_prefix(own_path)?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }
}

/// Without the port that the scheme implies.
fn without_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
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

    /// The path that arrives there; the assertion is bound to it.
    #[must_use]
    pub fn path(&self) -> &str {
        let end = self.url.len().saturating_sub(self.query_length);
        self.url.get(self.path_at..end).unwrap_or_default()
    }
}

/// Reads the address of a key set. Keys decide every identity, so outside development they come over TLS only.
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
    fn location_at_the_service_becomes_a_path() {
        for (base, location, public) in [
            ("http://svc:3008", "http://svc:3008/v1/x?a#b", Some("/v1/x?a#b")),
            ("http://svc:3008", "HTTP://SVC:3008/v1", Some("/v1")),
            ("http://svc:3008", "//svc:3008/v1", Some("/v1")),
            ("http://svc:3008", "http://svc:3008", Some("/")),
            ("http://svc:3008", "http://svc:3008?a", Some("/?a")),
            ("http://svc", "http://svc:80/x", Some("/x")),
            ("https://svc:443/base", "https://svc/base/x", Some("/x")),
            ("https://svc/base", "https://svc/base", Some("/")),
            // Elsewhere: the edge leaves it.
            ("https://svc/base", "https://svc/based/x", None),
            ("https://svc/base", "https://svc/other", None),
            ("http://svc:3008", "http://svc:3009/v1", None),
            ("http://svc:3008", "https://svc:3008/v1", None),
            ("http://svc", "http://svc.evil.test/x", None),
            ("http://svc", "http://svc@evil.test/x", None),
            ("http://svc", "http://evil.test/http://svc/x", None),
            ("http://svc", "/v1/x", None),
            ("http://svc", "x", None),
            ("http://svc", "", None),
            // A path that would name a host.
            ("http://svc", "http://svc//evil.test/x", None),
            ("http://svc", "http://svc\\evil.test", None),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(base.public_location(location).as_deref(), public, "{location}");
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
            "https://a.test/x/../y",
            "https://a.test/%2e/y",
            "https://a.test/x\\y",
            "https://a.test/\u{e9}",
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
