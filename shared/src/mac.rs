//! HMAC-SHA-256 (RFC 2104): the one thing that secrets here are good for.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The length of a code, in bytes.
pub(crate) const CODE_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;

/// A key. Never shown, its bytes zeroed on drop, and of no use to the RSA path, which takes another type.
#[derive(Clone)]
pub(crate) struct MacKey {
    bytes: Zeroizing<Vec<u8>>,
    /// What every computation begins with.
    begun: Hmac<Sha256>,
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

impl MacKey {
    pub fn new(bytes: &[u8]) -> Self {
        // A longer key counts as its hash, a shorter one is filled up with zeros: section 2.
        let hash;
        let key = if bytes.len() > BLOCK_BYTES {
            hash = Sha256::digest(bytes);
            hash.as_slice()
        } else {
            bytes
        };
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self {
            bytes: Zeroizing::new(bytes.to_vec()),
            begun: <Hmac<Sha256> as Mac>::new((&*block).into()),
        }
    }

    /// The key itself.
    pub fn reveal(&self) -> &[u8] {
        &self.bytes
    }

    /// A computation that has seen nothing yet.
    pub fn begun(&self) -> Hmac<Sha256> {
        self.begun.clone()
    }

    /// The code of `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; CODE_BYTES] {
        let mut mac = self.begun();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Whether `code` is that of `message`, compared in constant time.
    pub fn verifies(&self, message: &[u8], code: &[u8]) -> bool {
        let mut mac = self.begun();
        mac.update(message);
        mac.verify_slice(code).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// RFC 4231, sections 4.2, 4.3 and 4.7: keys shorter than a block, and one longer.
    #[test]
    fn published_codes_are_met() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for (key, message, code) in [
            (
                [0x0b; 20].as_slice(),
                "Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let key = MacKey::new(key);
            let found = key.sign(message.as_bytes());
            assert_eq!(hex(&found), code);
            assert!(key.verifies(message.as_bytes(), &found));
            assert!(!key.verifies(b"another", &found));
            assert!(!key.verifies(message.as_bytes(), &found[..31]));
        }
    }
}
