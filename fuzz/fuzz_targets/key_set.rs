//! Any answer of a key server yields fit keys, or a refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::key_cache::freshness;
use shared::token::{KeySet, MAX_KEY_SET_BYTES, MAX_KEYS};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(set) = KeySet::parse(bytes) {
        assert!(bytes.len() <= MAX_KEY_SET_BYTES);
        assert!((1..=MAX_KEYS).contains(&set.iter().count()));
        for (kid, key) in set.iter() {
            assert!(!kid.is_empty() && set.get(kid) == Some(key));
            assert!((256..=1024).contains(&key.modulus().len()) && key.modulus()[0] != 0);
        }
    }
    let text = String::from_utf8_lossy(bytes);
    assert!(freshness(Some(&text), Some(&text)) >= 0);
});
