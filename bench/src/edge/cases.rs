//! What is asked of which Worker.

/// Ours.
pub const OURS: &str = "crossfade";
/// Another build of ours, where one was named.
pub const BESIDE: &str = "beside";
/// Ours, writing a line for each request.
const LOGGING: &str = "crossfade-logging";
/// Hands every request on: what the runtime itself costs.
const PASS_THROUGH: &str = "pass-through";
/// The same code in an isolate of its own, for the end of a turn.
const PASS_THROUGH_AGAIN: &str = "pass-through-again";
/// The same code once more, asked before anybody is measured: workerd itself has to start, too.
pub const UNMEASURED: Case = case("unmeasured", "unmeasured", ME, Tokens::Warm);
/// Our contract, in JavaScript written by hand: the floor.
const HAND_WRITTEN: &str = "hand-written";
const FIREBASE: &str = "firebase-auth-cloudflare-workers";
const JOSE: &str = "jose";

/// The two ends of each turn.
pub const ENDS: (&str, &str) = ("pass-through, first", "pass-through, last");

/// The row of a service that is known to be down.
pub const BREAKER_OPEN: &str = "crossfade, breaker open";

/// The row of a service that gets a legacy token made by the edge, and the row without one.
pub const TRANSLATED: &str = "crossfade to an app service, translated, warm";
pub const APP_SERVICE: &str = "crossfade to an app service, warm";

const ME: &str = "/v1/auth/me";
/// As long as a sign-in's or a credit's.
const SHORT_BODY: &str = r#"{"email":"ann@example.com","password":"correct horse battery staple"}"#;

/// One line of the table.
#[derive(Clone, Copy)]
pub struct Case {
    pub worker: &'static str,
    pub name: &'static str,
    pub path: &'static str,
    pub tokens: Tokens,
    /// The body of a POST; empty for a GET.
    pub body: &'static str,
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
        body: "",
        status: 200,
    }
}

/// Whether the row is an end of the turn.
pub fn is_end(case: &Case) -> bool {
    case.name == ENDS.0 || case.name == ENDS.1
}

/// Asked while the isolates are fresh: each Worker once, since the next row would find it warm.
pub const FRESH: [Case; 6] = [
    case(PASS_THROUGH, ENDS.0, ME, Tokens::Warm),
    case(OURS, WARM, ME, Tokens::Warm),
    case(HAND_WRITTEN, "hand-written, warm", ME, Tokens::Warm),
    case(FIREBASE, FIREBASE_WARM, ME, Tokens::Warm),
    case(JOSE, "jose, warm", ME, Tokens::Warm),
    case(PASS_THROUGH_AGAIN, ENDS.1, ME, Tokens::Warm),
];

/// Asked when the isolates have settled.
pub const SETTLED: [Case; 17] = [
    case(PASS_THROUGH, ENDS.0, ME, Tokens::Warm),
    case(OURS, WARM, ME, Tokens::Warm),
    case(HAND_WRITTEN, "hand-written, warm", ME, Tokens::Warm),
    case(FIREBASE, FIREBASE_WARM, ME, Tokens::Warm),
    case(JOSE, "jose, warm", ME, Tokens::Warm),
    case(OURS, TO_LEGACY, "/auth/profile", Tokens::Legacy),
    case(OURS, APP_SERVICE, "/api/archive/jobs", Tokens::Warm),
    case(OURS, TRANSLATED, "/api/translated/jobs", Tokens::Warm),
    Case {
        body: SHORT_BODY,
        ..case(PASS_THROUGH, "pass-through, a short body", ME, Tokens::Warm)
    },
    Case {
        body: SHORT_BODY,
        ..case(
            OURS,
            "crossfade to an app service, a short body, warm",
            "/api/archive/jobs",
            Tokens::Warm,
        )
    },
    case(LOGGING, "crossfade logging every request, warm", ME, Tokens::Warm),
    Case {
        status: 503,
        ..case(OURS, BREAKER_OPEN, "/api/down/jobs", Tokens::Warm)
    },
    case(OURS, COLD, ME, Tokens::Cold),
    case(HAND_WRITTEN, "hand-written, cold", ME, Tokens::Cold),
    case(FIREBASE, FIREBASE_COLD, ME, Tokens::Cold),
    case(JOSE, "jose, cold", ME, Tokens::Cold),
    case(PASS_THROUGH_AGAIN, ENDS.1, ME, Tokens::Warm),
];

const WARM: &str = "crossfade, warm";
const COLD: &str = "crossfade, cold";
const TO_LEGACY: &str = "crossfade to legacy, warm";
const FIREBASE_WARM: &str = "firebase-auth-cloudflare-workers, warm";
const FIREBASE_COLD: &str = "firebase-auth-cloudflare-workers, cold";

/// The most that a row may cost beside the pass-through in the first requests of an isolate.
pub const FRESH_TARGETS: [(&str, Option<&str>, f64); 1] = [(WARM, None, 1.35)];

/// The same of an isolate that has settled: beside the pass-through, or beside another row.
pub const SETTLED_TARGETS: [(&str, Option<&str>, f64); 7] = [
    (WARM, None, 1.12),
    (WARM, Some(FIREBASE_WARM), 0.9),
    (WARM, Some("jose, warm"), 0.9),
    (COLD, Some(FIREBASE_COLD), 1.0),
    (COLD, Some("jose, cold"), 1.0),
    (TO_LEGACY, None, 1.08),
    (APP_SERVICE, None, 1.2),
];

/// The most that a request may take that an open breaker refuses, in microseconds.
pub const MOST_REFUSED_US: f64 = 1_000.0;
/// The most CPU that a translated token may cost a request once it was made, in microseconds.
pub const MOST_TRANSLATED_US: f64 = 15.0;
/// The most that the compressed wasm may have, in kilobytes.
pub const MOST_GZIPPED_KB: f64 = 200.0;
/// The most that the start may take beside bare JavaScript's.
pub const MOST_START: f64 = 1.6;
