//! Vectors published by others.

use std::path::PathBuf;

use shared::conformance::{self, Case};

use crate::engine::{Native, now};

/// The folder of `CONFORMANCE_VECTORS`, by default beside the workspace. `None` where it is absent; a CI run then fails.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CONFORMANCE_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no vectors at {}",
        folder.display()
    );
    eprintln!(
        "not run: no vectors at {}; CONFORMANCE_VECTORS names the folder",
        folder.display()
    );
    None
}

fn all_meet(cases: &[Case]) {
    for case in cases {
        let outcome = now(conformance::run(&Native, case));
        assert!(
            case.is_met_by(&outcome),
            "{} {}: expected {}, got {outcome:?}",
            case.source,
            case.name,
            case.expect
        );
    }
}

fn accepted(cases: &[Case]) -> usize {
    cases.iter().filter(|case| case.expect == "accepted").count()
}

#[test]
fn wycheproof_signatures() {
    let Some(folder) = folder() else { return };
    let file = std::fs::read_to_string(folder.join("wycheproof_json_web_signature.json")).unwrap();
    let cases = conformance::signature_cases(&file).unwrap();
    // 16 of RS256 and HS256, and #357 twice more under other names.
    assert_eq!((accepted(&cases), cases.len()), (16 + 2, 401));
    all_meet(&cases);
}

#[test]
fn wycheproof_key_sets() {
    let Some(folder) = folder() else { return };
    let file = std::fs::read_to_string(folder.join("wycheproof_json_web_key.json")).unwrap();
    let cases = conformance::key_cases(&file).unwrap();
    assert_eq!((accepted(&cases), cases.len()), (3, 26));
    all_meet(&cases);
}

#[test]
fn rfc7515_examples() {
    let cases = conformance::rfc7515_cases();
    assert_eq!(accepted(&cases), 2);
    all_meet(&cases);
}
