//! The keys of our own services (`INTERNAL_SERVICE_KEYS`): the key in `X-Service-Key` shows which service calls.

use std::fmt;

use sha2::{Digest, Sha256};

/// The shortest key accepted, in characters.
pub const MIN_KEY_CHARACTERS: usize = 32;
/// The longest key looked at, in bytes.
const MAX_KEY_BYTES: usize = 512;

/// A service that may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, for the audit trail.
    pub name: String,
    /// Whether it may administer users.
    pub admin: bool,
}

/// The services that may call, each by the SHA-256 of its key: neither memory dumps nor timing give a key away.
#[derive(Clone, Default)]
pub struct ServiceKeys(Vec<([u8; 32], Service)>);

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(_, service)| service))
            .finish()
    }
}

impl ServiceKeys {
    /// Reads `name:key[:admin],…`. A name may come twice, for rotation.
    ///
    /// # Errors
    /// The broken rule, naming the entry by its position, never by its text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut services: Vec<([u8; 32], Service)> = Vec::new();
        for (index, entry) in text.split(',').enumerate() {
            let at = index.saturating_add(1);
            let mut fields = entry.trim().split(':');
            let name = fields.next().unwrap_or_default();
            let key = fields.next().unwrap_or_default();
            let admin = match (fields.next(), fields.next()) {
                (None, _) => false,
                (Some("admin"), None) => true,
                _ => return Err(format!("entry {at} is not `name:key` or `name:key:admin`")),
            };
            let plain = name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if name.is_empty() || name.len() > 64 || !plain {
                return Err(format!(
                    "entry {at}: the name is not 1-64 letters, digits, '-' or '_'"
                ));
            }
            let printable = key.bytes().all(|byte| byte.is_ascii_graphic());
            if key.len() < MIN_KEY_CHARACTERS || key.len() > MAX_KEY_BYTES || !printable {
                return Err(format!(
                    "entry {at}: the key is not {MIN_KEY_CHARACTERS}-{MAX_KEY_BYTES} printable characters"
                ));
            }
            let digest: [u8; 32] = Sha256::digest(key).into();
            if services.iter().any(|(known, _)| *known == digest) {
                return Err(format!("entry {at} repeats a key"));
            }
            let name = name.to_owned();
            services.push((digest, Service { name, admin }));
        }
        Ok(Self(services))
    }

    /// Every service that may call, once for each of its keys.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.0.iter().map(|(_, service)| service)
    }

    /// The service that holds `presented`. Whole digests are compared, so that timing says nothing about the key.
    #[must_use]
    pub fn identify(&self, presented: &str) -> Option<&Service> {
        if presented.len() > MAX_KEY_BYTES {
            return None;
        }
        let digest: [u8; 32] = Sha256::digest(presented).into();
        self.0
            .iter()
            .find(|(known, _)| known.iter().zip(digest).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0)
            .map(|(_, service)| service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ONE: &str = "0123456789abcdef0123456789abcdef";
    const TWO: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_key_names_its_service() {
        let keys = ServiceKeys::parse(&format!("archive:{ONE}, admin:{TWO}:admin")).unwrap();
        assert_eq!(keys.identify(ONE).unwrap().name, "archive");
        assert!(!keys.identify(ONE).unwrap().admin);
        assert!(keys.identify(TWO).unwrap().admin);
        for stranger in ["", "archive", &ONE[1..], &format!("{ONE} "), &"x".repeat(10_000)] {
            assert_eq!(keys.identify(stranger), None);
        }
        assert_eq!(ServiceKeys::default().identify(ONE), None);
    }

    #[test]
    fn a_bad_entry_is_named_by_its_place() {
        for (text, word) in [
            (String::new(), "entry 1"),
            (ONE.to_owned(), "entry 1"),
            (format!("a:{ONE},b:short"), "entry 2"),
            (format!("a:{ONE}:root"), "entry 1"),
            (format!("a:{ONE}:admin:x"), "entry 1"),
            (format!("a b:{ONE}"), "entry 1"),
            (format!("a:{ONE},b:{ONE}"), "repeats"),
        ] {
            let reason = ServiceKeys::parse(&text).unwrap_err();
            assert!(reason.contains(word), "{reason}");
            assert!(!reason.contains(ONE), "{reason}");
        }
    }
}
