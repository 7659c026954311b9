//! The operators' material refers only to things that exist: every metric and label of the dashboards and alerts, every statement of the
//! SQL panels, every page of an alert.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::database::TestDatabase;
use crate::support::{TestApp, token};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text under `key`, at any depth.
fn texts<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => texts(member, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, key, found)),
        _ => {}
    }
}

fn dashboards(key: &str) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(repository().join("ops/grafana/dashboards")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        let mut found = Vec::new();
        texts(&dashboard, key, &mut found);
        all.extend(found.into_iter().map(str::to_owned));
    }
    assert!(!all.is_empty(), "no {key} in any dashboard");
    all
}

/// Words of a PromQL expression that may be names: quoted strings are left out.
fn words(expression: &str) -> BTreeSet<String> {
    expression
        .split('"')
        .step_by(2)
        .flat_map(|part| part.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.contains('_') && word.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter(|word| *word != "histogram_quantile")
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_metric_and_label_exists() {
    let app = TestApp::start().await;
    app.get("/v1/auth/me", &token("uid-1", &json!({})))
        .await
        .expect(200);
    app.get("/v1/auth/me", "garbage").await.expect(401);
    let metrics = app
        .request("GET", "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for line in metrics.lines() {
        if let Some(announced) = line.strip_prefix("# TYPE ") {
            let name = announced.split(' ').next().unwrap();
            known.insert(name.to_owned());
            if announced.ends_with(" histogram") {
                known.extend(["bucket", "sum", "count"].map(|suffix| format!("{name}_{suffix}")));
            }
        } else if let Some((labels, _)) = line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')) {
            known.extend(
                labels
                    .split("\",")
                    .filter_map(|label| label.split_once("=\""))
                    .map(|(name, _)| name.to_owned()),
            );
        }
    }
    let mut expressions = dashboards("expr");
    // An `expr` in YAML continues as long as its lines are indented deeper.
    let mut alerts = String::new();
    let mut inside = false;
    for line in read("ops/prometheus/alerts.yml").lines() {
        inside = line.trim_start().starts_with("expr:") || (inside && line.starts_with("          "));
        if inside {
            alerts.push_str(line);
            alerts.push('\n');
        }
    }
    expressions.push(alerts);
    let missing: BTreeSet<String> = expressions
        .iter()
        .flat_map(|text| words(text))
        .filter(|word| !known.contains(word))
        .collect();
    assert!(missing.is_empty(), "not in /metrics: {missing:?}");
    assert!(
        !known.contains("http_server_request_duration_minutes"),
        "the check can fail"
    );
}

/// Every metric with its kind and its labels, which operators' own dashboards may use.
const METRICS: [(&str, &str, &[&str]); 19] = [
    ("db_client_connections", "gauge", &["state"]),
    ("http_server_active_requests", "gauge", &[]),
    (
        "http_server_request_duration_seconds",
        "histogram",
        &["http_request_method", "http_route", "http_response_status_code"],
    ),
    ("jwks_cache_age_seconds", "gauge", &[]),
    ("ledger_events_total", "counter", &["event"]),
    ("legacy_contract_sessions_total", "counter", &["token_kind"]),
    ("legacy_token_last_seen_seconds", "gauge", &[]),
    ("legacy_token_latest_expiry_seconds", "gauge", &[]),
    ("legacy_tokens_verified_total", "counter", &[]),
    ("origin_failures_total", "counter", &["code", "reason"]),
    ("origin_limit_counters", "gauge", &["what"]),
    ("origin_limit_uncounted_total", "counter", &[]),
    ("origin_recent_reads_total", "counter", &["from"]),
    ("origin_redis_failures_total", "counter", &[]),
    ("origin_redis_up", "gauge", &[]),
    ("origin_replica_believed", "gauge", &[]),
    ("origin_slowed_down_total", "counter", &["what"]),
    ("otel_spans_dropped_total", "counter", &[]),
    ("otel_spans_exported_total", "counter", &[]),
];

#[tokio::test]
async fn metrics_keep_names_kinds_and_labels() {
    let database = TestDatabase::with_connections(2).await;
    let replica = database.url().to_owned();
    let variables = [
        ("DATABASE_READ_URL", replica.as_str()),
        ("REDIS_URL", "redis://127.0.0.1:9"),
        ("RATE_LIMITS", "on"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
    ];
    let app = TestApp::start_on(database, &variables).await;
    app.get("/v1/auth/me", "garbage").await.expect(401);
    let answer = app.request("GET", "/metrics").send().await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = answer.text().await.unwrap();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in text.lines() {
        if let Some(announced) = line.strip_prefix("# TYPE ") {
            let (name, kind) = announced.split_once(' ').unwrap();
            assert_eq!(kinds.insert(name, kind), None, "{name} twice");
        } else if !line.starts_with('#') {
            let (name, rest) = line.split_once(['{', ' ']).unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            let names = rest.split(',').filter_map(|label| label.split_once("=\""));
            labels
                .entry(family)
                .or_default()
                .extend(names.map(|(name, _)| name));
        }
    }
    let expected: BTreeMap<&str, &str> = METRICS.iter().map(|(name, kind, _)| (*name, *kind)).collect();
    assert_eq!(kinds, expected);
    for (name, kind, expected) in METRICS {
        let mut expected: BTreeSet<&str> = expected.iter().copied().collect();
        if kind == "histogram" {
            expected.insert("le");
        }
        // Keys have no age before their first fetch.
        let found = labels.remove(name).unwrap_or_default();
        assert_eq!(found, expected, "{name}");
    }
    let series = "http_request_method=\"GET\",http_route=\"/v1/auth/me\",http_response_status_code=\"401\"";
    for bound in [
        "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1", "2.5", "5", "7.5",
        "10", "+Inf",
    ] {
        let bucket = format!("\nhttp_server_request_duration_seconds_bucket{{{series},le=\"{bound}\"}} ");
        assert!(text.contains(&bucket), "{bucket} in\n{text}");
    }
    assert!(text.contains(&format!(
        "\nhttp_server_request_duration_seconds_count{{{series}}} 1\n"
    )));
    let page = read("docs/ops/metrics-and-traces.md");
    for (name, _, _) in METRICS {
        assert!(page.contains(&format!("`{name}")), "{name} is not documented");
    }
}

#[tokio::test]
async fn every_statement_runs() {
    let app = TestApp::start().await;
    for statement in dashboards("rawSql") {
        sqlx::query(sqlx::AssertSqlSafe(statement.clone()))
            .fetch_all(&app.database.pool)
            .await
            .unwrap_or_else(|error| panic!("{error} in\n{statement}"));
    }
}

#[test]
fn panels_query_what_the_document_queries() {
    let document = read("docs/ops/monitoring-queries.sql");
    for statement in dashboards("rawSql") {
        assert!(
            document.contains(&statement),
            "docs/ops/monitoring-queries.sql has another text than\n{statement}"
        );
    }
}

#[test]
fn every_alert_points_to_a_section() {
    let alerts = read("ops/prometheus/alerts.yml");
    let links: Vec<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook_url: "))
        .collect();
    assert_eq!(
        links.len(),
        alerts.matches("- alert:").count(),
        "every alert has one"
    );
    for link in links {
        let (page, section) = link.split_once('#').unwrap();
        let found = read(page)
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .any(|title| title.to_lowercase().replace('\'', "").replace(' ', "-") == section);
        assert!(found, "{link}");
    }
}
