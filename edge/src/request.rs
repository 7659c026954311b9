//! The received request, as the flow sees it: method, target and headers, borrowed from one text. The body stays outside.

use std::net::IpAddr;

use shared::target::{Target, TargetFault};

/// The client's address as Cloudflare saw it. Set by the network for every request that comes through it.
pub const CLIENT_IP: &str = "cf-connecting-ip";

/// An inbound request without its body. All of it is a stranger's word.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// The method, upper case as the runtime normalises it.
    pub method: &'a str,
    scheme: &'a str,
    authority: &'a str,
    target: Result<Target<'a>, TargetFault>,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Inbound<'a> {
    /// Reads `METHOD\nURL\nname:value\n…` with lower-case names and each name once.
    ///
    /// `None` if the text is not of that form, which the runtime never produces.
    #[must_use]
    pub fn parse(description: &'a str) -> Option<Self> {
        let mut lines = description.split('\n');
        let method = lines.next()?;
        let (scheme, after_scheme) = lines.next()?.split_once("://")?;
        // A URL parser finds the end of the authority in this way, even with an odd Host header.
        let end = after_scheme.find(['/', '\\', '?', '#'])?;
        let (authority, target) = after_scheme.split_at_checked(end)?;
        let headers = lines.filter_map(|line| line.split_once(':')).collect();
        Some(Self {
            method,
            scheme,
            authority,
            target: Target::read(target),
            headers,
        })
    }

    /// The path in its one spelling; empty, which matches no route, if the target has none ([`Inbound::target_fault`]).
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.as_ref().map_or("", |target| &target.path)
    }

    /// The query with its `?`, or empty.
    #[must_use]
    pub fn query(&self) -> &str {
        self.target.as_ref().map_or("", |target| &target.query)
    }

    /// Why the target is refused, if it is.
    #[must_use]
    pub fn target_fault(&self) -> Option<TargetFault> {
        self.target.as_ref().err().copied()
    }

    /// `http` or `https`, as the request arrived.
    #[must_use]
    pub const fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Whether `origin` is the origin of the requested address: a page of this very host.
    #[must_use]
    pub fn is_same_origin(&self, origin: &str) -> bool {
        origin.split_once("://").is_some_and(|(scheme, authority)| {
            scheme == self.scheme && authority.eq_ignore_ascii_case(self.authority)
        })
    }

    /// The value of a header, by its lower-case name. The Fetch standard joins repeated headers with `, `.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// The names of all headers, lower case.
    pub fn header_names(&self) -> impl Iterator<Item = &'a str> {
        self.headers.iter().map(|(name, _)| *name)
    }

    /// The client's address. `None` where the network did not set it, or where the header arrived more than once or holds no address: then
    /// it is a caller's word, not the network's.
    #[must_use]
    pub fn client_ip(&self) -> Option<&'a str> {
        self.header(CLIENT_IP)
            .filter(|address| address.parse::<IpAddr>().is_ok())
    }

    /// Whether the client asks for a WebSocket (RFC 6455 section 4.1): by GET alone.
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        self.method == "GET"
            && self.header("upgrade").is_some_and(|protocols| {
                protocols
                    .split(',')
                    .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_is_parsed() {
        let inbound =
            Inbound::parse("GET\nhttps://api.example.com/v1/auth/me?a=b?c\naccept:*/*\nx-odd:a:b\ncookie:")
                .unwrap();
        assert_eq!(
            (inbound.method, inbound.path(), inbound.query()),
            ("GET", "/v1/auth/me", "?a=b?c")
        );
        assert_eq!(inbound.header("x-odd"), Some("a:b"));
        assert_eq!(inbound.header("cookie"), Some(""));
        assert_eq!(inbound.header("authorization"), None);
        assert_eq!(inbound.header_names().count(), 3);
        assert_eq!(inbound.scheme(), "https");
        assert!(inbound.is_same_origin("https://API.example.com"));
        for other in [
            "http://api.example.com",
            "https://api.example.com:8443",
            "null",
            "",
        ] {
            assert!(!inbound.is_same_origin(other), "{other}");
        }
    }

    #[test]
    fn bare_root_has_a_path() {
        let inbound = Inbound::parse("GET\nhttp://localhost:8787/").unwrap();
        assert_eq!((inbound.path(), inbound.query()), ("/", ""));
        assert!(Inbound::parse("GET").is_none());
        assert!(Inbound::parse("GET\nnot a url").is_none());
    }

    #[test]
    fn target_without_one_spelling_leads_nowhere() {
        for target in ["/auth/login#x", "\\auth\\login", "?x", "#", "/a/..%2fb"] {
            let description = format!("GET\nhttp://gw{target}\naccept:*/*");
            let inbound = Inbound::parse(&description).unwrap();
            assert!(inbound.target_fault().is_some(), "{target}");
            assert_eq!((inbound.path(), inbound.query()), ("", ""), "{target}");
            assert_eq!(inbound.header("accept"), Some("*/*"), "{target}");
        }
    }

    #[test]
    fn several_addresses_are_no_client_address() {
        let ip = |value: &str| {
            let description = format!("GET\nhttp://gw/\ncf-connecting-ip:{value}");
            Inbound::parse(&description)
                .unwrap()
                .client_ip()
                .map(str::to_owned)
        };
        for good in ["192.0.2.1", "2001:db8::1", "::ffff:1.2.3.4"] {
            assert_eq!(ip(good).as_deref(), Some(good));
        }
        for bad in ["", "9.9.9.9, 8.8.8.8", "unknown", "1.2.3.4:80", "[::1]"] {
            assert_eq!(ip(bad), None, "{bad}");
        }
    }
}
