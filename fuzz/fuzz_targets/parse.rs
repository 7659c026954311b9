//! Strict reading is a subset of ordinary reading.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize as _;
use shared::base64url;
use shared::token::{UnverifiedJws, UnverifiedToken};

fuzz_target!(|text: &str| {
    if UnverifiedToken::parse(text).is_ok() {
        let mut segments = text.split('.');
        for _ in 0..2 {
            let segment = segments.next().expect("a token has segments");
            let bytes = base64url::decode(segment.as_bytes()).expect("they are base64url");
            assert_eq!(base64url::encode(&bytes), segment, "one byte string, one spelling");
            // Deeper than an ordinary reader goes by default.
            let mut reader = serde_json::Deserializer::from_slice(&bytes);
            reader.disable_recursion_limit();
            let json = serde_json::Value::deserialize(&mut reader).expect("they are JSON");
            assert!(json.is_object());
        }
    }
    if let Ok(jws) = UnverifiedJws::parse(text) {
        let _ = jws.header().map(|header| header.key_id().map(str::len));
    }
});
