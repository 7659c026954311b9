//! `origin assertion-keys`: the keys with which an app service opens the edge's assertions.

use std::process::ExitCode;

use clap::Args;
use shared::assertion::{AssertionKeys, FEED_AUDIENCE, ORIGIN_AUDIENCE};

/// The keys of one app service, derived from `ORIGIN_ASSERTION_KEYS`.
#[derive(Debug, Args)]
pub struct AssertionKeysArgs {
    /// The service's name in the edge's `UPSTREAMS`
    #[arg(value_name = "SERVICE", value_parser = service)]
    service: String,
}

/// Prints `kid:base64url[,kid:base64url]`, for the service's `CROSSFADE_ASSERTION_KEYS`.
#[must_use]
pub fn run(arguments: &AssertionKeysArgs, keys: &AssertionKeys) -> ExitCode {
    println!("{}", keys.for_audience(&arguments.service).reveal());
    ExitCode::SUCCESS
}

/// The origin's own keys are not derived, and no other service may have them.
fn service(name: &str) -> Result<String, &'static str> {
    if name.is_empty() || [ORIGIN_AUDIENCE, FEED_AUDIENCE].contains(&name) {
        return Err("is empty, `origin` or `origin-feed`");
    }
    Ok(name.to_owned())
}
