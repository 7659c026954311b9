//! Cross-origin access (the Fetch standard's CORS protocol) by an exact list of origins. On failures too: a browser hides
//! an answer without these headers, and the reader of a 401 needs its code.

mod origin;
mod preflight;

use crate::changes::HeaderChanges;
use crate::request::Inbound;

/// How long a browser may remember a preflight's answer, in seconds. Browsers cap it at two hours or less.
const PREFLIGHT_SECONDS: &str = "7200";
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
const RESPONSE_HEADERS: &str = "X-Request-Id, X-Auth-Route, X-Auth-Route-Reason, Retry-After, WWW-Authenticate, \
                                RateLimit, RateLimit-Policy";

/// The origins from which browsers may call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<String>);

impl AllowedOrigins {
    /// Reads a comma list of origins: scheme, host and port as a browser or the web view of an app sends them, no path, no wildcard.
    ///
    /// # Errors
    /// The position of an entry that no browser would ever send.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut origins = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let entry = entry.trim();
            if !origin::is_serialised(entry) {
                let at = index.saturating_add(1);
                return Err(format!(
                    "entry {at} is not an origin such as https://app.example.com or capacitor://localhost"
                ));
            }
            origins.push(entry.to_owned());
        }
        Ok(Self(origins))
    }

    /// The changes of CORS on the answer to this request. This list decides, whatever a service behind the edge allows; the edge adds its
    /// own headers to those that the service lets its pages read.
    pub fn apply(&self, inbound: &Inbound<'_>, headers: &mut HeaderChanges) {
        if inbound.header("origin").is_some() {
            headers.remove("access-control-allow-origin");
            headers.remove("access-control-allow-credentials");
        }
        if self.0.is_empty() {
            return;
        }
        // Also without a match: a shared cache must not give one origin's answer to another.
        headers.append("vary", "Origin");
        let Some(origin) = self.matching(inbound) else {
            return;
        };
        headers.set("access-control-allow-origin", origin);
        headers.set("access-control-allow-credentials", "true");
        if is_preflight(inbound) {
            let asked = inbound.header("access-control-request-headers");
            headers.set("access-control-allow-methods", METHODS);
            headers.set("access-control-allow-headers", preflight::allowed(asked));
            headers.set("access-control-max-age", PREFLIGHT_SECONDS);
            headers.append("vary", "Access-Control-Request-Headers");
        } else {
            headers.append("access-control-expose-headers", RESPONSE_HEADERS);
        }
    }

    /// Whether the page that opens a connection may use it with its user's cookies: a page of this host or of a listed origin. A browser
    /// attaches these cookies to a handshake for any page. A caller without an `Origin` is no browser.
    #[must_use]
    pub fn may_connect(&self, inbound: &Inbound<'_>) -> bool {
        inbound
            .header("origin")
            .is_none_or(|origin| inbound.is_same_origin(origin) || self.matching(inbound).is_some())
    }

    /// The origin that a browser names, if it is on this list.
    #[must_use]
    pub fn matching(&self, inbound: &Inbound<'_>) -> Option<&str> {
        let sent = inbound.header("origin")?;
        self.0.iter().find(|known| *known == sent).map(String::as_str)
    }
}

/// Whether a browser asks for permission (Fetch standard, "CORS-preflight request").
#[must_use]
pub fn is_preflight(inbound: &Inbound<'_>) -> bool {
    inbound.method == "OPTIONS"
        && inbound.header("origin").is_some()
        && inbound.header("access-control-request-method").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(allowed: &str, request: &str) -> String {
        let allowed = AllowedOrigins::parse(allowed).unwrap();
        let mut headers = HeaderChanges::new();
        allowed.apply(&Inbound::parse(request).unwrap(), &mut headers);
        headers.as_text().to_owned()
    }

    #[test]
    fn only_listed_origins_are_answered() {
        let listed = added(
            "https://app.example.com",
            "GET\nhttps://api/v1\norigin:https://app.example.com",
        );
        assert!(listed.contains("access-control-allow-origin:https://app.example.com"));
        assert!(listed.contains("vary:Origin"));
        for stranger in [
            "https://app.example.com.evil.test",
            "http://app.example.com",
            "https://app.example.com:8443",
            "null",
            "",
        ] {
            let request = format!("GET\nhttps://api/v1\norigin:{stranger}");
            let headers = added("https://app.example.com", &request);
            assert!(!headers.contains("access-control-allow-origin:"), "{stranger}");
            assert!(headers.contains("+vary:Origin"), "{stranger}");
        }
    }

    #[test]
    fn a_preflight_names_patch() {
        let headers = added(
            "https://a.test,https://b.test",
            "OPTIONS\nhttps://api/v1\norigin:https://b.test\naccess-control-request-method:PATCH",
        );
        assert!(headers.contains("PATCH"), "{headers}");
    }

    #[test]
    fn headers_the_service_exposes_stay_exposed() {
        let headers = added("https://a.test", "GET\nhttps://api/v1\norigin:https://a.test");
        assert!(
            headers.contains("+access-control-expose-headers:X-Request-Id"),
            "{headers}"
        );
    }

    #[test]
    fn unlisted_page_opens_no_connection() {
        let allowed = AllowedOrigins::parse("https://app.example.com,capacitor://localhost").unwrap();
        for (origin, may) in [
            ("\norigin:https://app.example.com", true),
            ("\norigin:capacitor://localhost", true),
            ("\norigin:https://gw.example.com", true),
            ("", true),
            ("\norigin:http://gw.example.com", false),
            ("\norigin:https://evil.test", false),
            ("\norigin:null", false),
            ("\norigin:https://app.example.com, https://evil.test", false),
        ] {
            let request = format!("GET\nhttps://gw.example.com/api/live{origin}");
            let inbound = Inbound::parse(&request).unwrap();
            assert_eq!(allowed.may_connect(&inbound), may, "{origin}");
        }
    }
}
