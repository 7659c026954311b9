//! One data point a request for Workers Analytics Engine, for dashboards to count. Like the log it holds nothing about a user: no id,
//! address, token or path of theirs, and of their bucket no more than the whole percent.
//!
//! Columns have numbers there, not names. [`BLOBS`] and [`DOUBLES`] are the names, in order. A column that is no longer needed keeps its
//! place and stays empty, because earlier points remain for three months.

use crate::journal::Entry;

/// `blob1`, `blob2`, …: texts, empty where there is no value.
pub const BLOBS: [&str; 9] = [
    "route",
    "reason",
    "instead_of",
    "token_kind",
    "code",
    "method",
    "path",
    "service",
    "version",
];

/// `double1`, `double2`, …: numbers, [`ABSENT`] where there is no value.
pub const DOUBLES: [&str; 11] = [
    "status",
    "duration_ms",
    "bucket_percent",
    "keys_age_seconds",
    "keys_expire_in_seconds",
    "breakers_open",
    "stepped_down",
    "rollout_percent",
    "keys_failing",
    "limits_failed",
    "translated",
];

/// An unknown number. No column is negative otherwise, but for `keys_expire_in_seconds` of expired keys.
pub const ABSENT: f64 = -1.0;

/// For a method that no standard knows, as OpenTelemetry names it: a caller can make any method up.
const OTHER_METHOD: &str = "_OTHER";
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// The state of the isolate as it answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Seconds since the keys of ID tokens were fetched, where any are held.
    pub keys_age_seconds: Option<i64>,
    /// Seconds until they expire, negative afterwards.
    pub keys_expire_in_seconds: Option<i64>,
    /// Whether the latest fetch of them failed.
    pub keys_failing: bool,
    /// How many services the isolate does not ask now.
    pub breakers_open: usize,
    /// Whether sign-ins are sent back, as far as this isolate knows.
    pub stepped_down: bool,
    /// The percentage in force.
    pub rollout_percent: f64,
}

/// A data point, as it crosses to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Analytics Engine samples by this: it keeps a like share of each value, so that a rare reason is not lost among frequent ones.
    pub index: &'static str,
    /// The texts, joined by line feeds.
    pub blobs: String,
    /// The numbers.
    pub doubles: [f64; DOUBLES.len()],
}

/// The point about `entry`.
#[must_use]
pub fn point(entry: &Entry<'_>, reason: &'static str, standing: &Standing) -> Point {
    let method = METHODS.into_iter().find(|known| *known == entry.method);
    let blobs: [&str; BLOBS.len()] = [
        entry.route,
        reason,
        entry.instead_of.unwrap_or_default(),
        entry.token_kind.unwrap_or_default(),
        entry.code.unwrap_or_default(),
        method.unwrap_or(OTHER_METHOD),
        entry.path.unwrap_or_default(),
        entry.service.unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
    ];
    let seconds = |seconds: Option<i64>| seconds.map_or(ABSENT, |seconds| seconds as f64);
    Point {
        index: reason,
        blobs: blobs.join("\n"),
        doubles: [
            f64::from(entry.status),
            entry.duration_ms as f64,
            entry
                .bucket
                .map_or(ABSENT, |bucket| f64::from(bucket.div_euclid(100))),
            seconds(standing.keys_age_seconds),
            seconds(standing.keys_expire_in_seconds),
            standing.breakers_open as f64,
            f64::from(u8::from(standing.stepped_down)),
            standing.rollout_percent,
            f64::from(u8::from(standing.keys_failing)),
            f64::from(u8::from(entry.limits_failed)),
            f64::from(u8::from(entry.translated)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry<'a>() -> Entry<'a> {
        Entry {
            level: "info",
            request_id: "a-request",
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            method: "POST",
            path: Some("/auth/login"),
            status: 200,
            route: "legacy",
            reason: "fallback_timeout",
            instead_of: Some("v2"),
            token_kind: None,
            translated: true,
            service: None,
            code: None,
            limits_failed: true,
            bucket: Some(4_711),
            duration_ms: 31,
        }
    }

    fn blobs(point: &Point) -> Vec<(&'static str, &str)> {
        let values: Vec<&str> = point.blobs.split('\n').collect();
        assert_eq!(values.len(), BLOBS.len());
        BLOBS.into_iter().zip(values).collect()
    }

    #[test]
    fn columns_are_where_their_names_say() {
        let standing = Standing {
            keys_age_seconds: Some(120),
            keys_expire_in_seconds: Some(-5),
            keys_failing: true,
            breakers_open: 2,
            stepped_down: true,
            rollout_percent: 12.5,
        };
        let point = point(&entry(), "fallback_timeout", &standing);
        assert_eq!(point.index, "fallback_timeout");
        assert_eq!(
            blobs(&point),
            [
                ("route", "legacy"),
                ("reason", "fallback_timeout"),
                ("instead_of", "v2"),
                ("token_kind", ""),
                ("code", ""),
                ("method", "POST"),
                ("path", "/auth/login"),
                ("service", ""),
                ("version", env!("CARGO_PKG_VERSION")),
            ]
        );
        let doubles: Vec<_> = DOUBLES.into_iter().zip(point.doubles).collect();
        assert_eq!(
            doubles,
            [
                ("status", 200.0),
                ("duration_ms", 31.0),
                ("bucket_percent", 47.0),
                ("keys_age_seconds", 120.0),
                ("keys_expire_in_seconds", -5.0),
                ("breakers_open", 2.0),
                ("stepped_down", 1.0),
                ("rollout_percent", 12.5),
                ("keys_failing", 1.0),
                ("limits_failed", 1.0),
                ("translated", 1.0),
            ]
        );
    }

    #[test]
    fn unknown_values_are_absent() {
        let mut entry = entry();
        entry.bucket = None;
        entry.path = None;
        let point = point(&entry, "not_found", &Standing::default());
        assert_eq!(point.doubles[2..5], [ABSENT; 3]);
        assert_eq!(blobs(&point)[6], ("path", ""));
    }

    #[test]
    fn point_holds_no_text_of_a_caller() {
        let mut entry = entry();
        entry.method = "ADA-AT-EXAMPLE-COM";
        let point = point(&entry, "own", &Standing::default());
        assert_eq!(blobs(&point)[5], ("method", OTHER_METHOD));
        for secret in [entry.request_id, entry.traceparent, "4711"] {
            assert!(!format!("{point:?}").contains(secret), "{secret}");
        }
    }

    /// Limits of Analytics Engine: 20 blobs, 20 doubles, an index of 96 bytes.
    #[test]
    fn point_fits_the_limits() {
        assert!(BLOBS.len() <= 20 && DOUBLES.len() <= 20);
        let mut names: Vec<&str> = BLOBS.into_iter().chain(DOUBLES).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BLOBS.len() + DOUBLES.len(), "a name twice");
    }
}
