//! The addresses of the issuer's keys.

use super::engine::Ring;
use crate::config::Reader;

/// The address of each ring's JWK set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUrls {
    id_tokens: String,
    session_cookies: String,
}

impl KeyUrls {
    /// Reads `FIREBASE_JWKS_URL` and `FIREBASE_SESSION_COOKIE_JWKS_URL`; by default Google's own.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let mut url = |name: &str, ring: Ring| reader.or(name, ring.google_url().to_owned(), key_url);
        Self {
            id_tokens: url("FIREBASE_JWKS_URL", Ring::FirebaseIdToken),
            session_cookies: url("FIREBASE_SESSION_COOKIE_JWKS_URL", Ring::FirebaseSessionCookie),
        }
    }

    /// The address of `ring`'s keys.
    #[must_use]
    pub fn of(&self, ring: Ring) -> &str {
        match ring {
            Ring::FirebaseIdToken => &self.id_tokens,
            Ring::FirebaseSessionCookie => &self.session_cookies,
        }
    }
}

/// `https`, or plain `http` to this machine: an attacker who can change keys on the way can sign in as any user.
fn key_url(text: &str) -> Result<String, &'static str> {
    const RULE: &str = "is neither an https URL nor an http URL of this machine";
    let (scheme, rest) = text.split_once("://").ok_or(RULE)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !authority.contains('@');
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match scheme {
        "https" if plain && !host.is_empty() => Ok(text.to_owned()),
        "http" if plain && loopback => Ok(text.to_owned()),
        _ => Err(RULE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for accepted in [
            Ring::FirebaseIdToken.google_url(),
            Ring::FirebaseSessionCookie.google_url(),
            "https://keys.example:8443/jwks.json",
            "http://127.0.0.1:9000/jwks",
            "http://localhost/jwks",
            "http://[::1]:9000/",
        ] {
            assert_eq!(key_url(accepted).as_deref(), Ok(accepted));
        }
        for refused in [
            "",
            "jwks",
            "https://",
            "https:///jwks",
            "http://keys.example/jwks",
            "http://127.0.0.1.example/",
            "http://localhost@evil.example/",
            "http://localhost.example/",
            "file:///etc/passwd",
            "https://a b/",
            "https://user:pw@host/",
            "http://10.0.0.1/",
            "HTTPS//x",
        ] {
            assert!(key_url(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn an_unset_address_is_googles() {
        let nothing = |_: &str| None;
        let urls = KeyUrls::read(&mut Reader::new(&nothing));
        assert_eq!(urls.of(Ring::FirebaseIdToken), Ring::FirebaseIdToken.google_url());
        assert_eq!(
            urls.of(Ring::FirebaseSessionCookie),
            Ring::FirebaseSessionCookie.google_url()
        );
    }
}
