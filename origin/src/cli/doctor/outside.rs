//! Checks Google's services: the issuer's keys, Identity Toolkit, and whether their clocks agree with this machine's.

use std::time::Instant;

use reqwest::header::{AGE, CACHE_CONTROL, DATE};
use shared::key_cache::freshness;
use shared::token::{KeySet, MAX_KEY_SET_BYTES, Ring};

use super::finding::{Finding, distance};
use crate::clock;
use crate::config::Config;

/// The default tolerance for tokens: with a greater difference, fresh tokens are refused as not yet valid.
const MOST_SECONDS_APART: i64 = 30;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let client = match http_client::client() {
        Ok(client) => client,
        Err(error) => return vec![Finding::wrong("tls", error.to_string())],
    };
    if let Some(emulator) = &config.firebase.emulator {
        return vec![reach(&client, "emulator", &format!("http://{emulator}/")).await];
    }
    let mut findings = Vec::new();
    for ring in [Ring::FirebaseIdToken, Ring::FirebaseSessionCookie] {
        if ring == Ring::FirebaseIdToken || config.tokens.session_cookies {
            findings.extend(keys(&client, ring, config.key_urls.of(ring)).await);
        }
    }
    findings.push(reach(&client, "firebase", &config.firebase.urls.identity_toolkit).await);
    findings.push(credentials(config));
    findings
}

/// Whether the address answers at all; any status will do, since nothing is requested.
async fn reach(client: &reqwest::Client, check: &'static str, url: &str) -> Finding {
    let started = Instant::now();
    match client.get(url).send().await {
        Ok(_) => Finding::ok(check, format!("answers in {} ms", started.elapsed().as_millis())),
        Err(error) => Finding::wrong(check, silence(&error)),
    }
}

async fn keys(client: &reqwest::Client, ring: Ring, url: &str) -> Vec<Finding> {
    let mut answer = match client.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::wrong(
                "keys",
                format!("{}: {}", ring.as_str(), silence(&error)),
            )];
        }
    };
    let clock = answer
        .headers()
        .get(DATE)
        .map(|date| agreement(date.to_str().ok()));
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let fresh_seconds = freshness(header(CACHE_CONTROL), header(AGE));
    let status = answer.status();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_KEY_SET_BYTES {
            break;
        }
    }
    let found = if status != reqwest::StatusCode::OK {
        Finding::wrong("keys", format!("{}: answered {status}", ring.as_str()))
    } else {
        match KeySet::parse(&body) {
            Ok(set) => Finding::ok(
                "keys",
                format!(
                    "{}: {} usable, fresh for {fresh_seconds} s",
                    ring.as_str(),
                    set.iter().count()
                ),
            ),
            Err(error) => Finding::wrong("keys", format!("{}: {error}", ring.as_str())),
        }
    };
    std::iter::once(found).chain(clock).collect()
}

/// Compares this machine's clock with a `Date` header (RFC 9110, section 6.6.1).
fn agreement(date: Option<&str>) -> Finding {
    let Some(theirs) = date.and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok()) else {
        return Finding::warning("clock", "the issuer's date cannot be read");
    };
    let apart = clock::now().secs().saturating_sub(theirs.timestamp());
    let detail = distance(apart, "the issuer's");
    if apart.saturating_abs() > MOST_SECONDS_APART {
        Finding::wrong("clock", detail)
    } else {
        Finding::ok("clock", detail)
    }
}

fn credentials(config: &Config) -> Finding {
    match (&config.firebase.api_key, &config.firebase.source) {
        (Some(_), Some(_)) => Finding::ok(
            "accounts",
            "web API key and credentials to manage accounts are configured",
        ),
        (None, Some(_)) => Finding::warning(
            "accounts",
            "no FIREBASE_API_KEY: users cannot register or sign in here",
        ),
        (Some(_), None) => Finding::warning(
            "accounts",
            "no credentials to manage accounts: no user is moved, disabled or deleted at Firebase",
        ),
        (None, None) => Finding::warning(
            "accounts",
            "no Firebase credentials: tokens are verified, accounts are not served",
        ),
    }
}

/// Why there was no answer, without the address.
pub(super) fn silence(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "unreachable"
    } else {
        "the answer broke off"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_is_judged_by_the_tolerance_of_tokens() {
        let at = |seconds: i64| {
            let moment = chrono::DateTime::from_timestamp(clock::now().secs() + seconds, 0).unwrap();
            agreement(Some(&moment.to_rfc2822()))
        };
        assert!(at(0).is_fine());
        assert!(at(20).is_fine());
        assert!(!at(90).is_fine());
        assert!(!at(-90).is_fine());
        assert!(
            agreement(Some("yesterday")).is_fine(),
            "an unreadable date proves nothing"
        );
    }
}
