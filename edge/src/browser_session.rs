//! The session cookie of a browser (`FIREBASE_SESSION_COOKIE_NAME`). A browser sends this credential without the user's doing, also on
//! requests that another site causes (OWASP, "Cross-Site Request Forgery Prevention": verifying the origin with standard headers).

use crate::cors::AllowedOrigins;
use crate::request::Inbound;

/// The cookie that holds a Firebase session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    name: String,
}

/// Why the edge does not use the cookie of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The request changes something, or opens a connection, and does not come from a page of ours.
    CrossSite,
    /// There are several cookies of the name, with different values.
    Several,
}

impl BrowserSession {
    /// Reads a cookie's name (RFC 6265 section 4.1.1), such as `__session`, the only one that Firebase Hosting passes on.
    ///
    /// # Errors
    /// The rule in words.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.len() > 64 || !name.bytes().all(plain) {
            return Err("is not a cookie's name of letters, digits, `_`, `-` and `.`");
        }
        Ok(Self {
            name: name.to_owned(),
        })
    }

    /// The unverified token in the cookie, if the request has one and may use it.
    ///
    /// A request that only reads may come from any page: another site's page cannot see the answer. A request that may change something, or
    /// opens a WebSocket, must name an origin: that of this very host by https, or one of `allowed`.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn unverified_token<'a>(
        &self,
        inbound: &Inbound<'a>,
        allowed: &AllowedOrigins,
    ) -> Result<Option<&'a str>, NotTaken> {
        let mut found = None;
        for (name, value) in cookies(inbound.header("cookie").unwrap_or_default()) {
            if name != self.name || value.is_empty() {
                continue;
            }
            if found.is_some_and(|known| known != value) {
                return Err(NotTaken::Several);
            }
            found = Some(value);
        }
        let reads = matches!(inbound.method, "GET" | "HEAD") && inbound.header("upgrade").is_none();
        if found.is_some() && !reads && !comes_from_us(inbound, allowed) {
            return Err(NotTaken::CrossSite);
        }
        Ok(found)
    }

    /// The value of a `Cookie` header without this cookie; `None` if the header does not hold it.
    #[must_use]
    pub fn without(&self, header: &str) -> Option<String> {
        cookies(header).any(|(name, _)| name == self.name).then(|| {
            let others = cookies(header).filter(|(name, _)| *name != self.name);
            let others: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
            others.join("; ")
        })
    }
}

/// Names and values. Several headers arrive joined by a comma, which no name or value holds (RFC 6265 section 4.1.1).
fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header
        .split([';', ','])
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.trim_end(), value.trim_start()))
}

fn comes_from_us(inbound: &Inbound<'_>, allowed: &AllowedOrigins) -> bool {
    let Some(origin) = inbound.header("origin") else {
        return false;
    };
    let host = inbound.header("host").filter(|host| !host.is_empty());
    allowed.matching(inbound).is_some()
        || host.is_some_and(|host| {
            origin
                .strip_prefix("https://")
                .is_some_and(|from| from.eq_ignore_ascii_case(host))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(request: &str) -> Result<Option<String>, NotTaken> {
        let session = BrowserSession::parse("__session").unwrap();
        let allowed = AllowedOrigins::parse("https://app.example.com").unwrap();
        let text = format!("{request}\nhost:api.example.com");
        let inbound = Inbound::parse(&text).unwrap();
        session
            .unverified_token(&inbound, &allowed)
            .map(|token| token.map(str::to_owned))
    }

    #[test]
    fn cookie_counts_for_reads_and_for_changes_from_our_pages() {
        let some = Ok(Some("a.b.c".to_owned()));
        let cross = Err(NotTaken::CrossSite);
        for (request, expected) in [
            ("GET\nhttps://api.example.com/x\ncookie:__session=a.b.c", &some),
            (
                "HEAD\nhttps://api.example.com/x\ncookie:a=1; __session=a.b.c; b=2",
                &some,
            ),
            (
                "GET\nhttps://api.example.com/x\ncookie:a=1, __session=a.b.c",
                &some,
            ),
            (
                "GET\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:https://evil.test",
                &some,
            ),
            (
                "POST\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:https://app.example.com",
                &some,
            ),
            (
                "POST\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:https://api.example.com",
                &some,
            ),
            ("POST\nhttps://api.example.com/x\ncookie:__session=a.b.c", &cross),
            (
                "POST\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:null",
                &cross,
            ),
            (
                "POST\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:http://api.example.com",
                &cross,
            ),
            (
                "DELETE\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:https://evil.test",
                &cross,
            ),
            (
                "PUT\nhttps://api.example.com/x\ncookie:__session=a.b.c\norigin:https://app.example.com.evil.test",
                &cross,
            ),
            ("QUERY\nhttps://api.example.com/x\ncookie:__session=a.b.c", &cross),
            (
                "GET\nhttps://api.example.com/x\nupgrade:websocket\ncookie:__session=a.b.c",
                &cross,
            ),
            (
                "GET\nhttps://api.example.com/x\ncookie:__Session=a.b.c; x__session=a",
                &Ok(None),
            ),
            (
                "POST\nhttps://api.example.com/x\ncookie:__session=\norigin:https://evil.test",
                &Ok(None),
            ),
            (
                "GET\nhttps://api.example.com/x\ncookie:__session=a; __session=a",
                &Ok(Some("a".to_owned())),
            ),
            (
                "GET\nhttps://api.example.com/x\ncookie:__session=a; __session=b",
                &Err(NotTaken::Several),
            ),
        ] {
            assert_eq!(&taken(request), expected, "{request}");
        }
    }

    #[test]
    fn cookie_is_taken_out_and_others_stay() {
        let session = BrowserSession::parse("__session").unwrap();
        for (header, without) in [
            ("a=1; __session=x; b=2", Some("a=1; b=2")),
            ("__session=x", Some("")),
            ("a=1, __session=x, __session=y", Some("a=1")),
            ("a=1; b=2", None),
            ("", None),
        ] {
            assert_eq!(session.without(header).as_deref(), without, "{header}");
        }
        for refused in ["a b", "a=b", "a;b", "ü", "a,b"] {
            assert!(BrowserSession::parse(refused).is_err(), "{refused}");
        }
    }
}
