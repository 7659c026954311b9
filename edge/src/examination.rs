//! What `/readyz?verbose` shows an operator: this isolate's configuration and state. It holds no secret, no token and no user's address, so
//! that an operator can paste it into a ticket.

mod configuration;

use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

pub use configuration::configuration;

use crate::request::Inbound;
use shared::token::Accepted;

/// Whether an operator asks: with `?verbose` and the key of a service that may administer.
#[must_use]
pub fn is_wanted(inbound: &Inbound<'_>, asks_as_admin: bool) -> bool {
    let query = inbound.query().strip_prefix('?').unwrap_or_default();
    let verbose = query
        .split('&')
        .any(|field| field.split('=').next() == Some("verbose"));
    verbose && asks_as_admin
}

/// One service's answer about its readiness.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reached {
    /// Its status.
    pub status: u16,
    /// From the question to the answer's headers, in milliseconds.
    pub latency_ms: u64,
    /// How far our clock is ahead of its `Date` header, to the second; `None` where it sent none.
    pub clock_ahead_seconds: Option<i64>,
    /// The version that it reports.
    pub version: Option<String>,
}

impl Reached {
    /// Reads an answer that arrived at `now_ms`. `date_ms` is its `Date` header, not a number where there was none.
    #[must_use]
    pub fn read(status: u16, latency_ms: u64, date_ms: f64, now_ms: u64, body: &Value) -> Self {
        // A service's report about itself is shown, not believed: a short word or nothing.
        let version = body
            .get("version")
            .and_then(Value::as_str)
            .filter(|text| text.len() <= 64 && text.chars().all(|c| c.is_ascii_graphic()))
            .map(str::to_owned);
        Self {
            status,
            latency_ms,
            clock_ahead_seconds: clock_ahead_seconds(date_ms, now_ms),
            version,
        }
    }
}

/// `Date` has whole seconds (RFC 9110, section 6.6.1), cut off, and so has the difference: clocks that agree are 0 apart.
fn clock_ahead_seconds(date_ms: f64, now_ms: u64) -> Option<i64> {
    if !date_ms.is_finite() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let ahead = ((now_ms as f64 - date_ms) / 1000.0).floor() as i64;
    Some(ahead)
}

/// The variables in which the origin differs from this edge, which `accepts`, by the origin's answer about its readiness; null where that
/// answer does not list them.
#[must_use]
pub fn differences(accepts: &Accepted, readiness: &Value) -> Value {
    readiness
        .get("accepts")
        .and_then(|origin| Accepted::deserialize(origin).ok())
        .map_or(Value::Null, |origin| json!(accepts.differences(&origin)))
}

/// One service for the answer: its own answer, or why there is none.
#[must_use]
pub fn service(found: &Result<Reached, &'static str>) -> Value {
    #[derive(Serialize)]
    struct Service<'a> {
        answers: bool,
        #[serde(flatten)]
        reached: Option<&'a Reached>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<&'static str>,
    }
    json!(Service {
        answers: found.is_ok(),
        reached: found.as_ref().ok(),
        fault: found.as_ref().err().copied(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_administrator_sees_the_examination() {
        for (target, admin, wanted) in [
            ("/readyz?verbose", true, true),
            ("/readyz?a=b&verbose=1", true, true),
            ("/readyz?verbose", false, false),
            ("/readyz", true, false),
            ("/readyz?verbosely", true, false),
        ] {
            let text = format!("GET\nhttps://edge.test{target}");
            let inbound = Inbound::parse(&text).unwrap();
            assert_eq!(is_wanted(&inbound, admin), wanted, "{target} {admin}");
        }
    }

    #[test]
    fn clocks_are_compared_to_the_second() {
        for (date_ms, now_ms, ahead) in [
            (10_000.0, 10_000, Some(0)),
            (10_000.0, 10_999, Some(0)),
            (10_000.0, 12_600, Some(2)),
            (10_000.0, 7_500, Some(-3)),
            (f64::NAN, 7_500, None),
        ] {
            assert_eq!(clock_ahead_seconds(date_ms, now_ms), ahead, "{date_ms} {now_ms}");
        }
    }

    #[test]
    fn version_of_a_service_is_a_short_word() {
        let version = |version: &str| {
            let body = json!({ "version": version });
            Reached::read(200, 1, 0.0, 0, &body).version
        };
        assert_eq!(version("1.4.0"), Some("1.4.0".to_owned()));
        assert_eq!(version("<b>1.4.0</b> x"), None);
        assert_eq!(version(&"1".repeat(65)), None);
        assert_eq!(Reached::read(200, 1, 0.0, 0, &Value::Null).version, None);
    }

    #[test]
    fn answering_service_shows_its_state() {
        let reached = Reached::read(503, 7, f64::NAN, 0, &json!({ "version": "2" }));
        assert_eq!(
            service(&Ok(reached)),
            json!({ "answers": true, "status": 503, "latency_ms": 7, "clock_ahead_seconds": null, "version": "2" })
        );
    }

    #[test]
    fn silent_service_shows_the_reason() {
        assert_eq!(
            service(&Err("timeout")),
            json!({ "answers": false, "fault": "timeout" })
        );
    }
}
