//! Verification from outside: vectors of every rule and attack, published vectors, random mutations.

// Helpers of tests: a failure here is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod draft;
mod engine;
mod hostile;
mod published;
mod vectors;

use shared::conformance;

use engine::{Native, now};

/// `UPDATE_VECTORS=1 cargo test -p crossfade-shared --features conformance` writes the file again.
#[test]
fn the_vector_file_is_what_the_rules_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/tokens.json");
    let made = serde_json::to_string_pretty(&vectors::file()).unwrap() + "\n";
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "tests/vectors/tokens.json is out of date"
    );
}

#[test]
fn every_vector_gets_its_verdict() {
    let cases = conformance::own_cases(include_str!("../vectors/tokens.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = now(conformance::run(&Native, case));
        if !case.is_met_by(&outcome) {
            wrong.push(format!(
                "{}: {}: expected {}, got {outcome:?}",
                case.source, case.name, case.expect
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert!(cases.len() > 300, "{}", cases.len());
}
