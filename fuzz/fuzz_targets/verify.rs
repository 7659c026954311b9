//! The verifier accepts nothing but genuine tokens.
#![no_main]

use std::future::Future;
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use shared::conformance::{self, Case};
use shared::token::{EngineFault, RsaPublicKey, SignatureEngine};

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    conformance::own_cases(include_str!("../../shared/tests/vectors/tokens.json")).expect("the vectors are well-formed")
});

/// Accepts no signature at all: a token that is still accepted was accepted without one. Genuine RSA would only slow the search down, and
/// no fuzzer forges it.
struct NoSignature;

impl SignatureEngine for NoSignature {
    type Key = ();

    async fn import(&self, _: &RsaPublicKey) -> Result<(), EngineFault> {
        Ok(())
    }

    async fn verify_rs256(&self, (): &(), _: &[u8], _: &[u8]) -> Result<bool, EngineFault> {
        Ok(false)
    }
}

fuzz_target!(|input: (u16, &str)| {
    let (which, token) = input;
    // The clock, keys and configuration of one of the vectors, the emulator's included.
    let model = &CASES[usize::from(which) % CASES.len()];
    let case = Case { token: token.to_owned(), ..model.clone() };
    let Poll::Ready(outcome) =
        pin!(conformance::run(&NoSignature, &case)).poll(&mut Context::from_waker(Waker::noop()))
    else {
        panic!("nothing here waits");
    };
    let emulator = case.config.contains_key("FIREBASE_AUTH_EMULATOR_HOST");
    let known = CASES.iter().any(|known| known.token == token);
    assert!(outcome.verdict != "accepted" || emulator || known, "accepted without a signature");
});
