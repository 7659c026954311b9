//! No text opens as an assertion of our edge.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use shared::assertion::{AssertionKeys, Expected, ORIGIN_AUDIENCE};
use shared::base64url;
use shared::time::{ClockSkew, UnixTime};

static KEYS: LazyLock<AssertionKeys> = LazyLock::new(|| {
    AssertionKeys::parse(&format!("k:{}", base64url::encode(&[7; 32]))).expect("a key of 32 bytes")
});

fuzz_target!(|text: &str| {
    let expected = Expected { audience: ORIGIN_AUDIENCE, method: "GET", path: "/" };
    assert!(KEYS.open(text, &expected, UnixTime::from_secs(1_795_000_000), ClockSkew::DEFAULT).is_err());
});
