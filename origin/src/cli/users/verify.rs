//! `origin users verify`.

use std::process::ExitCode;

use clap::Args;
use firebase::Firebase;
use user_import::{Comparison, Pace, compare};
use users::directory::Directory;

use crate::cli::exit;
use crate::cli::reason::with_causes;

/// Compare all rows with all Firebase accounts.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    /// Calls to Firebase a second
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
}

/// Compares: 0 the sides agree, 1 the comparison failed, 2 they differ.
pub(super) async fn run(arguments: VerifyArgs, directory: Directory, firebase: Firebase) -> ExitCode {
    let found = match compare(&directory, &firebase, &Pace::per_second(arguments.rate)).await {
        Ok(found) => found,
        Err(error) => {
            eprintln!("{}", with_causes(&error));
            return ExitCode::FAILURE;
        }
    };
    if arguments.json {
        println!(
            "{}",
            serde_json::json!({ "agrees": found.agrees(), "comparison": found })
        );
    } else {
        print!("{}", describe(&found));
    }
    if found.agrees() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::SOME)
    }
}

fn describe(found: &Comparison) -> String {
    let mut text = format!("{} linked rows, {} accounts\n", found.linked, found.accounts);
    for (difference, count) in &found.differences {
        text.push_str(&format!("{}: {count}\n", difference.as_str()));
        for uid in found.uids.get(difference).into_iter().flatten() {
            text.push_str(&format!("  {uid}\n"));
        }
    }
    text.push_str(if found.agrees() {
        "Both sides agree.\n"
    } else {
        "The sides differ.\n"
    });
    text
}
