//! The name of a counter where it is kept: a keyed hash, so that a list of counters is no list of users.

use std::fmt;

use super::Network;
use crate::assertion::AssertionKeys;
use crate::mac::MacKey;

/// Keeps this derivation different from statements and from the keys of app services.
const DERIVATION: &str = "crossfade counter names";

/// A counter's name: 128 bits of HMAC-SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key([u8; 16]);

impl Key {
    /// The name in hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
        self.0
            .iter()
            .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
            .collect()
    }

    /// Its first 24 bits.
    pub(crate) const fn short(self) -> u32 {
        let [a, b, c, ..] = self.0;
        u32::from_be_bytes([0, a, b, c])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// Makes counters' names, under a key derived from the first assertion key. A new first key starts all counters from zero.
#[derive(Clone)]
pub struct KeyMaker(MacKey);

impl fmt::Debug for KeyMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyMaker")
    }
}

impl KeyMaker {
    /// The maker of these keys: the edge and all replicas with the same keys make the same names.
    #[must_use]
    pub fn new(keys: &AssertionKeys) -> Self {
        let code = keys.first().map(|key| key.sign(DERIVATION.as_bytes()));
        Self(MacKey::new(&code.unwrap_or_default()))
    }

    /// The name of the counter of `parts`, in the group `what`. Different parts have different names.
    #[must_use]
    pub fn key(&self, what: &str, parts: &[&[u8]]) -> Key {
        let mut message = Vec::with_capacity(96);
        for part in [what.as_bytes()].iter().chain(parts) {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            message.extend_from_slice(&length.to_be_bytes());
            message.extend_from_slice(part);
        }
        let code = self.0.sign(&message);
        let mut name = [0; 16];
        for (byte, code) in name.iter_mut().zip(code) {
            *byte = code;
        }
        Key(name)
    }

    /// An account, by the typed name: an address or username in any case, with or without spaces around it. JavaScript's `trim` takes the
    /// byte order mark for a space.
    #[must_use]
    pub fn account(&self, typed: &str) -> Key {
        let is_space = |c: char| c.is_whitespace() || c == '\u{feff}';
        self.key(
            "account",
            &[typed.trim_matches(is_space).to_lowercase().as_bytes()],
        )
    }

    /// A network; `None` where it is unknown. All unknown networks together count as one.
    #[must_use]
    pub fn network(&self, network: Option<Network>) -> Key {
        self.key(
            "network",
            &[&network.map(|network| network.bytes()).unwrap_or_default()],
        )
    }

    /// A network at an account, or at anything else that has a name.
    #[must_use]
    pub fn pair(&self, account: &Key, network: &Key) -> Key {
        self.key("pair", &[&account.0, &network.0])
    }
}
