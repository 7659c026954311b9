//! Hostile input costs bounded work.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use shared::conformance::{self, Case, Layer};

use crate::draft::{Signer, seal};
use crate::engine::{Native, now};
use crate::vectors::{id_token, legacy_token};

/// Far above what the checks take, far below what the refused work would take.
const BOUND: Duration = Duration::from_millis(50);

fn verdict(token: String) -> (String, Duration) {
    let config = [
        ("FIREBASE_PROJECT_ID", crate::vectors::PROJECT),
        ("LEGACY_JWT_SECRETS", crate::vectors::SECRET),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let case = Case {
        source: String::new(),
        name: String::new(),
        layer: Layer::Token,
        token,
        keys: crate::vectors::key_sets().to_string(),
        now: crate::vectors::NOW,
        config,
        expect: String::new(),
        subject: None,
    };
    #[allow(clippy::disallowed_methods, reason = "this test is about time")]
    let start = Instant::now();
    let outcome = now(conformance::run(&Native, &case));
    (outcome.verdict, start.elapsed())
}

#[test]
fn the_unchanged_tokens_are_accepted() {
    for token in [
        id_token().sign(Signer::Issuer),
        legacy_token().sign(Signer::Hmac(crate::vectors::SECRET.as_bytes())),
    ] {
        assert_eq!(verdict(token).0, "accepted");
    }
}

#[test]
fn refused_sizes_cost_little_time() {
    let head = id_token().head();
    let deep = format!("{{\"a\":{}", "[".repeat(10_000));
    let wide: String = (0..100_000).map(|n| format!("\"{n}\":0,")).collect();
    for (token, expected) in [
        ("x".repeat(1 << 20), "too_long"),
        (".".repeat(1 << 20), "too_long"),
        (
            seal(head.as_bytes(), deep.as_bytes(), Signer::Text("AAAA")),
            "too_long",
        ),
        (
            seal(
                head.as_bytes(),
                format!("{{{wide}").as_bytes(),
                Signer::Text("AAAA"),
            ),
            "too_long",
        ),
        (".".repeat(8192), "segments"),
        (
            seal(
                head.as_bytes(),
                format!("{{\"a\":{}", "[".repeat(5_900)).as_bytes(),
                Signer::Text("AAAA"),
            ),
            "payload_json",
        ),
        (
            seal(
                head.as_bytes(),
                format!("{{{}", &wide[..5_900]).as_bytes(),
                Signer::Text("AAAA"),
            ),
            "payload_json",
        ),
    ] {
        let (verdict, took) = verdict(token);
        assert_eq!(verdict, expected);
        assert!(took < BOUND, "{expected} took {took:?}");
    }
}

/// Texts close to a token: a genuine one with bytes changed, cut, doubled or put together again.
fn mutated() -> impl Strategy<Value = String> {
    let good = prop_oneof![
        Just(id_token().sign(Signer::Issuer)),
        Just(legacy_token().sign(Signer::Hmac(crate::vectors::SECRET.as_bytes()))),
        Just(id_token().header("alg", "\"none\"").sign(Signer::Text(""))),
    ];
    let edit = (any::<prop::sample::Index>(), 0..4_u8, any::<char>());
    (good, prop::collection::vec(edit, 1..5)).prop_map(|(good, edits)| {
        let mut token: Vec<char> = good.chars().collect();
        for (at, kind, symbol) in edits {
            let at = at.index(token.len() + 1);
            match kind {
                0 => token.insert(at, symbol),
                1 if at < token.len() => token[at] = symbol,
                2 if at < token.len() => drop(token.remove(at)),
                _ => token.extend_from_within(at / 2..at),
            }
        }
        token.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// No edit of a token makes another that is accepted.
    #[test]
    fn a_changed_token_is_refused(token in mutated()) {
        let original = [id_token().sign(Signer::Issuer), legacy_token().sign(Signer::Hmac(crate::vectors::SECRET.as_bytes()))];
        prop_assume!(!original.contains(&token));
        prop_assert_ne!(verdict(token).0, "accepted");
    }

    /// Any text at all gets a verdict: nothing panics.
    #[test]
    fn any_text_gets_a_verdict(token in "(?s).{0,300}") {
        prop_assert_ne!(verdict(token).0, "accepted");
    }

    /// The same for well-formed segments around any bytes.
    #[test]
    fn any_segments_get_a_verdict(
        header in prop::collection::vec(any::<u8>(), 0..80),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        known in any::<bool>(),
    ) {
        let header = if known { id_token().head().into_bytes() } else { header };
        prop_assert_ne!(verdict(seal(&header, &payload, Signer::Text("AAAA"))).0, "accepted");
    }

    /// Any answer of a key server is keys or a refusal.
    #[test]
    fn any_answer_is_keys_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = shared::token::KeySet::parse(&bytes);
    }
}
