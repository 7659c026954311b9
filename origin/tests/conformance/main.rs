//! Runs every vector through the native engine and, where `CONFORMANCE_WORKER` names a Worker built with the feature
//! `conformance`, through WebCrypto inside workerd. Prints one table and exits by the result.
//!
//! Published vectors are read from `CONFORMANCE_VECTORS`, by default `../shared/vectors` beside the workspace.

// A test program: a failure here is a failed run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use shared::conformance::{self, Case, Outcome};
use verification::NativeEngine;

/// Cases sent to the Worker at a time.
const BATCH: usize = 100;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run())
}

async fn run() -> ExitCode {
    let (cases, complete) = cases();
    let native = natively(&cases).await;
    let mut columns = vec![("native", native)];
    if let Some(worker) = std::env::var("CONFORMANCE_WORKER")
        .ok()
        .filter(|url| !url.is_empty())
    {
        columns.push(("workerd", in_workerd(&worker, &cases).await));
    }
    let failures = print(&cases, &columns);
    if complete && failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Reads the cases out of a published file.
type Reader = fn(&str) -> Result<Vec<Case>, conformance::BadVectors>;

/// All cases, and whether all expected ones are present.
fn cases() -> (Vec<Case>, bool) {
    let mut cases =
        conformance::own_cases(include_str!("../../../shared/tests/vectors/tokens.json")).unwrap();
    cases.extend(conformance::rfc7515_cases());
    let folder = std::env::var_os("CONFORMANCE_VECTORS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")),
        PathBuf::from,
    );
    let published: [(&str, Reader); 2] = [
        ("wycheproof_json_web_signature.json", conformance::signature_cases),
        ("wycheproof_json_web_key.json", conformance::key_cases),
    ];
    let mut complete = true;
    for (name, read) in published {
        match std::fs::read_to_string(folder.join(name)) {
            Ok(text) => cases.extend(read(&text).unwrap()),
            Err(error) => {
                println!("not run: {name} ({error}); CONFORMANCE_VECTORS names the folder");
                complete = std::env::var_os("CI").is_none();
            }
        }
    }
    (cases, complete)
}

async fn natively(cases: &[Case]) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(cases.len());
    for case in cases {
        outcomes.push(conformance::run(&NativeEngine, case).await);
    }
    outcomes
}

async fn in_workerd(worker: &str, cases: &[Case]) -> Vec<Outcome> {
    let client = reqwest_client();
    let mut outcomes = Vec::with_capacity(cases.len());
    for batch in cases.chunks(BATCH) {
        let answer = client
            .post(worker)
            .body(serde_json::to_vec(batch).unwrap())
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "the Worker answered {}",
            answer.status()
        );
        let answered: Vec<Outcome> = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answered.len(), batch.len());
        outcomes.extend(answered);
    }
    outcomes
}

/// Plain HTTP to this machine needs no roots, but the client requires a TLS set-up.
fn reqwest_client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .build()
        .unwrap()
}

/// Prints a line for each source and one for each case with the wrong verdict; returns the number of those.
fn print(cases: &[Case], columns: &[(&str, Vec<Outcome>)]) -> usize {
    let mut sources: Vec<&str> = Vec::new();
    for case in cases {
        if !sources.contains(&case.source.as_str()) {
            sources.push(&case.source);
        }
    }
    let mut header = format!("{:<28}{:>7}{:>10}{:>9}", "source", "cases", "accepted", "refused");
    for (engine, _) in columns {
        header.push_str(&format!("{:>18}", format!("passed {engine}")));
    }
    println!("{header}");
    let mut totals = BTreeMap::new();
    for source in sources {
        let of_source = || cases.iter().enumerate().filter(|(_, case)| case.source == source);
        let accepted = of_source().filter(|(_, case)| case.expect == "accepted").count();
        let mut line = format!(
            "{source:<28}{:>7}{accepted:>10}{:>9}",
            of_source().count(),
            of_source().count() - accepted
        );
        for (engine, outcomes) in columns {
            let passed = of_source()
                .filter(|(at, case)| case.is_met_by(&outcomes[*at]))
                .count();
            *totals.entry(*engine).or_insert(0) += passed;
            line.push_str(&format!("{passed:>18}"));
        }
        println!("{line}");
    }
    let mut failures = 0;
    for (engine, outcomes) in columns {
        println!("{engine}: {} of {} passed", totals[engine], cases.len());
        for (case, outcome) in cases
            .iter()
            .zip(outcomes)
            .filter(|(case, outcome)| !case.is_met_by(outcome))
        {
            failures += 1;
            println!(
                "  {} / {}: expected {}, got {}",
                case.source, case.name, case.expect, outcome.verdict
            );
        }
    }
    if cases.iter().any(|case| case.source == "Wycheproof JWS") {
        println!(
            "Differences from Wycheproof's marks: #372 and #373 (marked valid; a `?` inside base64url is refused here), \
             #367 and #370 (marked invalid; the same bytes as #357, which is marked valid)."
        );
    }
    failures
}
