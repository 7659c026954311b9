//! `GET /metrics`.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use database::Replica;

use super::openapi::OPERATORS;
use crate::app::AppState;
use crate::clock;
use crate::metrics::{head, limits, sample};

/// Metrics for Prometheus
///
/// They hold no personal data, and the edge does not forward this path.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = OPERATORS,
    responses((status = 200, description = "The text format 0.0.4.", content_type = "text/plain", body = String)))]
pub async fn metrics(State(app): State<AppState>) -> impl IntoResponse {
    let mut text = app.metrics.render();
    head(
        &mut text,
        "db_client_connections",
        "gauge",
        "Connections of the pool by state.",
    );
    let (size, idle) = app.pool.count();
    sample(&mut text, "db_client_connections", "state=\"idle\"", idle);
    sample(
        &mut text,
        "db_client_connections",
        "state=\"used\"",
        size.saturating_sub(idle),
    );
    if let Some(replica) = &app.replica {
        render_replica(&mut text, replica);
    }
    head(
        &mut text,
        "ledger_events_total",
        "counter",
        "What the ledger did, refused and had to repeat.",
    );
    for (name, count) in app.ledger.counters().snapshot().named() {
        sample(
            &mut text,
            "ledger_events_total",
            &format!("event=\"{name}\""),
            count,
        );
    }
    head(
        &mut text,
        "jwks_cache_age_seconds",
        "gauge",
        "Age of the issuer's keys.",
    );
    for (ring, status) in app.verifier.key_status(clock::now()) {
        if let Some(age) = status.age_seconds {
            sample(
                &mut text,
                "jwks_cache_age_seconds",
                &format!("ring=\"{}\"", ring.as_str()),
                age,
            );
        }
    }
    limits(&mut text, app.limits.counts());
    if let Some((exported, dropped)) = app.traces.counts() {
        render_spans(&mut text, exported, dropped);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn render_replica(text: &mut String, replica: &Replica) {
    let (is_believed, from_replica, from_primary) = replica.counts();
    let name = "origin_replica_believed";
    head(
        text,
        name,
        "gauge",
        "1 while the replica is known to be up to date.",
    );
    sample(text, name, "", u8::from(is_believed));
    let name = "origin_recent_reads_total";
    head(
        text,
        name,
        "counter",
        "Look-ups that may be seconds old, by the server that answered.",
    );
    sample(text, name, "from=\"replica\"", from_replica);
    sample(text, name, "from=\"primary\"", from_primary);
}

fn render_spans(text: &mut String, exported: u64, dropped: u64) {
    let name = "otel_spans_exported_total";
    head(text, name, "counter", "Spans the collector took.");
    sample(text, name, "", exported);
    let name = "otel_spans_dropped_total";
    let help = "Spans lost: too many waited, or the collector did not take them.";
    head(text, name, "counter", help);
    sample(text, name, "", dropped);
}
