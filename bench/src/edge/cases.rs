//! What is asked of which Worker.

/// Ours.
pub const OURS: &str = "crossfade";
/// Another build of ours, where one was named.
pub const BESIDE: &str = "beside";
/// Ours, writing a line for each request.
const LOGGING: &str = "crossfade-logging";
const PASS_THROUGH: &str = "pass-through";
const FIREBASE: &str = "firebase-auth-cloudflare-workers";
const JOSE: &str = "jose";

/// The row of a service that is known to be down.
pub const BREAKER_OPEN: &str = "crossfade, breaker open";

/// The row of a service that gets a legacy token made by the edge, and the row without one.
pub const TRANSLATED: &str = "crossfade to an app service, translated, warm";
pub const APP_SERVICE: &str = "crossfade to an app service, warm";

const ME: &str = "/v1/auth/me";

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Case {
    pub worker: &'static str,
    pub name: &'static str,
    pub path: &'static str,
    pub tokens: Tokens,
    /// The status of every answer.
    pub status: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// None was seen before.
    Cold,
    /// All were.
    Warm,
    /// Of the legacy service; all were seen before.
    Legacy,
}

const fn case(worker: &'static str, name: &'static str, path: &'static str, tokens: Tokens) -> Case {
    Case {
        worker,
        name,
        path,
        tokens,
        status: 200,
    }
}

pub const CASES: [Case; 13] = [
    case(PASS_THROUGH, "pass-through, warm", ME, Tokens::Warm),
    case(OURS, "crossfade, warm", ME, Tokens::Warm),
    case(
        FIREBASE,
        "firebase-auth-cloudflare-workers, warm",
        ME,
        Tokens::Warm,
    ),
    case(JOSE, "jose, warm", ME, Tokens::Warm),
    case(OURS, "crossfade to legacy, warm", "/auth/profile", Tokens::Legacy),
    case(OURS, APP_SERVICE, "/api/archive/jobs", Tokens::Warm),
    case(OURS, TRANSLATED, "/api/translated/jobs", Tokens::Warm),
    case(LOGGING, "crossfade logging every request, warm", ME, Tokens::Warm),
    Case {
        status: 503,
        ..case(OURS, BREAKER_OPEN, "/api/down/jobs", Tokens::Warm)
    },
    case(PASS_THROUGH, "pass-through, cold", ME, Tokens::Cold),
    case(OURS, "crossfade, cold", ME, Tokens::Cold),
    case(
        FIREBASE,
        "firebase-auth-cloudflare-workers, cold",
        ME,
        Tokens::Cold,
    ),
    case(JOSE, "jose, cold", ME, Tokens::Cold),
];

/// What a target compares, and the least it asks for.
pub const TARGETS: [(&str, &str, f64); 6] = [
    ("crossfade, warm", "firebase-auth-cloudflare-workers, warm", 1.3),
    ("crossfade, warm", "pass-through, warm", 0.85),
    ("crossfade, cold", "firebase-auth-cloudflare-workers, cold", 1.05),
    ("crossfade, cold", "jose, cold", 0.95),
    ("crossfade to legacy, warm", "pass-through, warm", 0.85),
    (APP_SERVICE, "pass-through, warm", 0.85),
];

/// The most that a request may take that an open breaker refuses, in microseconds.
pub const MOST_REFUSED_US: f64 = 1_000.0;
/// The most CPU that a translated token may cost a request once it was made, in microseconds.
pub const MOST_TRANSLATED_US: f64 = 15.0;
/// The most that the compressed wasm may have, in kilobytes, and that the start may take, in milliseconds.
pub const MOST_GZIPPED_KB: f64 = 130.0;
pub const MOST_START_MS: f64 = 35.0;
