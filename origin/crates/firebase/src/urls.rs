//! The addresses of Google's services: Google's own, unless a private deployment or a test sets others.

use std::net::IpAddr;

use reqwest::Url;
use shared::config::Reader;

/// Base addresses, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirebaseUrls {
    /// Identity Toolkit, up to `/v1`.
    pub identity_toolkit: String,
    /// Secure Token, up to `/v1`.
    pub secure_token: String,
    /// IAM Credentials, up to `/v1`: signs for service accounts without a key.
    pub iam: String,
}

impl FirebaseUrls {
    /// Reads `FIREBASE_IDENTITY_TOOLKIT_URL`, `FIREBASE_SECURE_TOKEN_URL` and `FIREBASE_IAM_URL`; Google's own by default.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let plain = PlainHttp::allowed(reader);
        let mut url = |name: &str, google: &str| {
            reader.or(name, google.to_owned(), |text| {
                service_url(text, plain).map(|url| url.trim_end_matches('/').to_owned())
            })
        };
        Self {
            identity_toolkit: url(
                "FIREBASE_IDENTITY_TOOLKIT_URL",
                "https://identitytoolkit.googleapis.com",
            ),
            secure_token: url("FIREBASE_SECURE_TOKEN_URL", "https://securetoken.googleapis.com"),
            iam: url("FIREBASE_IAM_URL", "https://iamcredentials.googleapis.com"),
        }
    }
}

/// Whether plain `http` to this machine is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Not allowed.
    No,
    /// Allowed.
    ToThisMachine,
}

impl PlainHttp {
    /// Allowed where `ENVIRONMENT` names a place other than production. Another reader reports a bad value, which counts as production
    /// here.
    #[must_use]
    pub fn allowed(reader: &Reader<'_>) -> Self {
        match reader.text("ENVIRONMENT").as_deref() {
            Some("development" | "staging") => Self::ToThisMachine,
            _ => Self::No,
        }
    }
}

/// An address for passwords and credentials: `https`, or this machine where that is allowed. It has no user, query or fragment.
///
/// # Errors
/// The rule as text.
pub fn service_url(text: &str, plain: PlainHttp) -> Result<String, &'static str> {
    let rule = match plain {
        PlainHttp::No => "is not an https URL without user, query and fragment",
        PlainHttp::ToThisMachine => {
            "is neither an https URL nor an http URL of this machine, without user, query and fragment"
        }
    };
    let url = Url::parse(text).map_err(|_| rule)?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let secure = match url.scheme() {
        "https" => url.has_host(),
        "http" => plain == PlainHttp::ToThisMachine && is_this_machine(&url),
        _ => false,
    };
    if bare && secure {
        Ok(text.to_owned())
    } else {
        Err(rule)
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_over_tls_or_to_this_machine() {
        use PlainHttp::{No, ToThisMachine};
        for (url, in_production, elsewhere) in [
            ("https://identitytoolkit.googleapis.com", true, true),
            ("https://idp.example:8443/google", true, true),
            ("http://127.0.0.1:9200/x", false, true),
            ("http://[::1]:9200", false, true),
            ("http://localhost:9200", false, true),
            ("http://idp.example", false, false),
            ("http://10.0.0.1", false, false),
            ("http://localhost.example", false, false),
            ("http://localhost@evil.example", false, false),
            ("https://user:pw@idp.example", false, false),
            ("https://idp.example/?key=x", false, false),
            ("https://idp.example/#x", false, false),
            ("ftp://idp.example", false, false),
            ("file:///etc/passwd", false, false),
            ("idp.example", false, false),
        ] {
            assert_eq!(service_url(url, No).is_ok(), in_production, "{url}");
            assert_eq!(service_url(url, ToThisMachine).is_ok(), elsewhere, "{url}");
        }
    }
}
