//! Counts for Prometheus. Labels are methods, route templates, statuses and codes: never an id, an address or a path.
//!
//! Names follow OpenTelemetry's HTTP conventions: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.

mod legacy_contract;
mod legacy_tokens;
mod limits;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use axum::http::Method;

pub use self::limits::limits;
pub use legacy_contract::LegacySessions;
pub use legacy_tokens::LegacyTokens;

/// Upper bounds of the duration's buckets, in microseconds, as OpenTelemetry advises.
const BOUNDS: [u64; 14] = [
    5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000, 750_000, 1_000_000, 2_500_000,
    5_000_000, 7_500_000, 10_000_000,
];

/// What is counted about requests. One lock is taken for reading per request; only a combination never seen takes it for
/// writing.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Tokens of the legacy service that are still in use.
    pub legacy_tokens: LegacyTokens,
    /// Sessions that the legacy contract handed out.
    pub legacy_sessions: LegacySessions,
    active: AtomicI64,
    requests: RwLock<BTreeMap<String, Answers>>,
    failures: RwLock<BTreeMap<(&'static str, &'static str), AtomicU64>>,
}

/// The answers of one route, by method and status.
type Answers = BTreeMap<(&'static str, u16), Durations>;

#[derive(Debug, Default)]
struct Durations {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    sum_micros: AtomicU64,
}

/// A request that is being answered; ends when dropped, also when its caller has gone away.
#[derive(Debug)]
pub struct Active<'a>(&'a AtomicI64);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Counts a request as being answered until the value is dropped.
    pub fn begin(&self) -> Active<'_> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(&self.active)
    }

    /// Counts an answered request by its route template.
    pub fn answered(&self, method: &Method, route: &str, status: u16, took: Duration) {
        let key = (method_name(method), status);
        let known = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(route).and_then(|series| series.get(&key)) {
            Some(durations) => durations.add(took),
            None => {
                drop(known);
                let mut all = self.requests.write().unwrap_or_else(PoisonError::into_inner);
                all.entry(route.to_owned())
                    .or_default()
                    .entry(key)
                    .or_default()
                    .add(took);
            }
        }
    }

    /// Counts a failure by its code and its finer reason.
    pub fn failed(&self, code: &'static str, reason: &'static str) {
        let known = self.failures.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = known.get(&(code, reason)) {
            count.fetch_add(1, Ordering::Relaxed);
            return;
        }
        drop(known);
        let mut all = self.failures.write().unwrap_or_else(PoisonError::into_inner);
        all.entry((code, reason))
            .or_default()
            .fetch_add(1, Ordering::Relaxed);
    }

    /// Everything in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        head(
            &mut text,
            "http_server_active_requests",
            "gauge",
            "Requests being answered.",
        );
        sample(
            &mut text,
            "http_server_active_requests",
            "",
            self.active.load(Ordering::Relaxed),
        );
        let name = "http_server_request_duration_seconds";
        head(
            &mut text,
            name,
            "histogram",
            "Time from the request's head to the answer's.",
        );
        for (route, series) in self
            .requests
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            for ((method, status), durations) in series {
                let labels = format!(
                    "http_request_method=\"{method}\",http_route=\"{route}\",http_response_status_code=\"{status}\""
                );
                durations.render(&mut text, name, &labels);
            }
        }
        head(
            &mut text,
            "origin_failures_total",
            "counter",
            "Failed requests by code and finer reason.",
        );
        for ((code, reason), count) in self
            .failures
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let labels = format!("code=\"{code}\",reason=\"{reason}\"");
            sample(
                &mut text,
                "origin_failures_total",
                &labels,
                count.load(Ordering::Relaxed),
            );
        }
        self.legacy_tokens.render(&mut text);
        self.legacy_sessions.render(&mut text);
        text
    }
}

impl Durations {
    fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = BOUNDS
            .iter()
            .zip(&self.buckets)
            .find_map(|(bound, bucket)| (micros <= *bound).then_some(bucket))
        {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Buckets are cumulative in the text, as Prometheus wants them, and single in memory, so that adding touches one.
    fn render(&self, text: &mut String, name: &str, labels: &str) {
        let count = self.count.load(Ordering::Relaxed);
        let mut so_far = 0_u64;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            so_far = so_far.saturating_add(bucket.load(Ordering::Relaxed));
            sample(
                text,
                &format!("{name}_bucket"),
                &format!("{labels},le=\"{}\"", seconds(*bound)),
                so_far,
            );
        }
        sample(
            text,
            &format!("{name}_bucket"),
            &format!("{labels},le=\"+Inf\""),
            count,
        );
        sample(
            text,
            &format!("{name}_sum"),
            labels,
            seconds(self.sum_micros.load(Ordering::Relaxed)),
        );
        sample(text, &format!("{name}_count"), labels, count);
    }
}

/// Announces a metric.
pub fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _infallible = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// One value.
pub fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _infallible = if labels.is_empty() {
        writeln!(text, "{name} {value}")
    } else {
        writeln!(text, "{name}{{{labels}}} {value}")
    };
}

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A method nobody has heard of must not make a label of its own.
pub fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_at_the_count() {
        let metrics = Metrics::default();
        for milliseconds in [1, 5, 6, 20_000] {
            metrics.answered(
                &Method::GET,
                "/v1/users/{id}",
                200,
                Duration::from_millis(milliseconds),
            );
        }
        metrics.failed("TOKEN_EXPIRED", "expired");
        let text = metrics.render();
        let labels =
            "http_request_method=\"GET\",http_route=\"/v1/users/{id}\",http_response_status_code=\"200\"";
        let name = "http_server_request_duration_seconds";
        for line in [
            format!("{name}_bucket{{{labels},le=\"0.005\"}} 2"),
            format!("{name}_bucket{{{labels},le=\"0.01\"}} 3"),
            format!("{name}_bucket{{{labels},le=\"10\"}} 3"),
            format!("{name}_bucket{{{labels},le=\"+Inf\"}} 4"),
            format!("{name}_count{{{labels}}} 4"),
            format!("{name}_sum{{{labels}}} 20.012"),
            "origin_failures_total{code=\"TOKEN_EXPIRED\",reason=\"expired\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_request_ends_however_it_ends() {
        let metrics = Metrics::default();
        let request = metrics.begin();
        assert!(metrics.render().contains("http_server_active_requests 1"));
        drop(request);
        assert!(metrics.render().contains("http_server_active_requests 0"));
    }

    #[test]
    fn strange_methods_share_a_label() {
        assert_eq!(method_name(&Method::from_bytes(b"FROBNICATE").unwrap()), "_OTHER");
    }
}
