//! The form of an origin in an `Origin` header (RFC 6454 section 6.2): scheme, host and port as the client serialises them.

/// Whether a browser, or the web view of an app (`capacitor://localhost`, `ionic://localhost`, `tauri://localhost`, extensions), could send
/// this text. Not `null`: every sandboxed page and every file sends that.
pub(super) fn is_serialised(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, authority)| is_scheme(scheme) && is_authority(scheme, authority))
}

/// RFC 3986 section 3.1, in lower case.
fn is_scheme(scheme: &str) -> bool {
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.');
    scheme.starts_with(|first: char| first.is_ascii_lowercase()) && scheme.bytes().all(rest)
}

fn is_authority(scheme: &str, authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => (address, port),
            _ => return false,
        },
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b':')
    };
    !host.is_empty() && host.bytes().all(plain) && (port.is_empty() || is_port(scheme, port))
}

/// A colon and a port, without leading zeros; a client leaves its scheme's own port out.
fn is_port(scheme: &str, port: &str) -> bool {
    let number = port.strip_prefix(':').and_then(|text| {
        let number: u16 = text.parse().ok()?;
        (number.to_string() == text).then_some(number)
    });
    match number {
        None => false,
        Some(443) => scheme != "https",
        Some(80) => scheme != "http",
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_of_browsers_and_web_views_are_accepted() {
        for origin in [
            "https://app.example.com",
            "http://localhost:5173",
            "http://127.0.0.1",
            "http://[::1]:8080",
            "https://my_app.example.com:8443",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://bundle",
            "com.example.app://localhost",
            "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            "moz-extension://0190a6a1-7c1e-7a51-8d0e-6f2f5a6b7c8d",
            "http://a.test:443",
        ] {
            assert!(is_serialised(origin), "{origin}");
        }
    }

    #[test]
    fn other_texts_are_no_origin() {
        for origin in [
            "",
            "*",
            "null",
            "https://",
            "file://",
            "://localhost",
            "app.example.com",
            "https://a.test/",
            "https://*.a.test",
            "https://A.test",
            "HTTPS://a.test",
            "Capacitor://localhost",
            "https://user@a.test",
            "https://a.test:",
            "https://a.test:443",
            "http://a.test:80",
            "https://a.test:08443",
            "https://a.test:65536",
            "https://a.test:8443:1",
            "https://[::1",
            "https://[a.test]",
            "https://a.test?x",
            "1app://localhost",
            "https://a b.test",
        ] {
            assert!(!is_serialised(origin), "{origin}");
        }
    }
}
