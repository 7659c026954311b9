//! Traces, as the collector receives them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::emulator;
use crate::support::{TestApp, send, token, with_json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector that keeps what it receives, and answers as told.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start(answer: StatusCode) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let take = move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/json");
            kept.lock()
                .unwrap()
                .push(String::from_utf8(body.to_vec()).unwrap());
            std::future::ready((answer, "{}"))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, received }
    }

    /// What arrived, as it was.
    fn text(&self) -> String {
        self.received.lock().unwrap().join("\n")
    }

    /// All spans that arrived.
    fn spans(&self) -> Vec<Value> {
        let mut spans = Vec::new();
        for body in self.received.lock().unwrap().iter() {
            let body: Value = serde_json::from_str(body).unwrap();
            let resource = &body["resourceSpans"][0];
            assert_eq!(
                attribute(&resource["resource"], "service.name"),
                "origin-of-the-tests"
            );
            spans.extend(
                resource["scopeSpans"][0]["spans"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .cloned(),
            );
        }
        spans
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint),
            ("OTEL_SERVICE_NAME", "origin-of-the-tests"),
        ]
    }
}

/// The value of an attribute, as OTLP writes it; `null` without one.
fn attribute(holder: &Value, key: &str) -> Value {
    let attributes = holder["attributes"].as_array().unwrap();
    let value = attributes
        .iter()
        .find(|attribute| attribute["key"] == key)
        .map_or(&Value::Null, |attribute| &attribute["value"]);
    value
        .get("stringValue")
        .or_else(|| value.get("intValue"))
        .cloned()
        .unwrap_or_default()
}

fn named<'s>(spans: &'s [Value], name: &str) -> &'s Value {
    let names: Vec<_> = spans.iter().map(|span| &span["name"]).collect();
    let found: Vec<_> = spans.iter().filter(|span| span["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name} in {names:?}");
    found[0]
}

/// Stops the service, which sends what still waits.
async fn stop(app: &mut TestApp) {
    app.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_registration_is_one_span_under_the_callers_with_the_calls_to_google_under_it() {
    let collector = Collector::start(StatusCode::OK).await;
    let mut app = emulator::start_with(&collector.variables()).await;
    let (email, password) = (emulator::address(), "correct horse 42");
    let body = json!({"email": email, "password": password});
    let request = app
        .request("POST", "/v1/auth/register")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("x-request-id", "request-of-the-test");
    let session = send(with_json(request, &body)).await.expect(201);
    stop(&mut app).await;

    let spans = collector.spans();
    let server = named(&spans, "POST /v1/auth/register");
    assert_eq!(server["traceId"], TRACE);
    assert_eq!(server["parentSpanId"], CALLER);
    assert_eq!(server["kind"], 2);
    assert_eq!(attribute(server, "http.request.method"), "POST");
    assert_eq!(attribute(server, "http.route"), "/v1/auth/register");
    assert_eq!(attribute(server, "http.response.status_code"), "201");
    assert_eq!(attribute(server, "url.scheme"), "http");
    assert_eq!(attribute(server, "error.type"), Value::Null);
    assert_eq!(server.get("status"), None);
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u128>().unwrap();
    assert!(nanos(server, "startTimeUnixNano") < nanos(server, "endTimeUnixNano"));

    assert_eq!(spans.len(), 3, "{spans:?}");
    named(&spans, "POST accounts");
    let call = named(&spans, "POST accounts:signInWithPassword");
    assert_eq!(call["traceId"], TRACE);
    assert_eq!(call["parentSpanId"], server["spanId"]);
    assert_ne!(call["spanId"], server["spanId"]);
    assert_eq!(call["kind"], 3);
    assert_eq!(attribute(call, "http.response.status_code"), "200");
    assert!(nanos(server, "startTimeUnixNano") <= nanos(call, "startTimeUnixNano"));
    assert!(nanos(call, "endTimeUnixNano") <= nanos(server, "endTimeUnixNano"));

    let sent = collector.text();
    let mut personal = vec![email, password.to_owned()];
    texts(&session.body["data"], &mut personal);
    assert!(personal.len() > 4, "{personal:?}");
    for text in personal.iter().filter(|text| text.len() > 7) {
        assert!(!sent.contains(text.as_str()), "{text} in {sent}");
    }
}

/// Every text in `value`, at any depth.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

#[tokio::test]
async fn paths_stay_out_and_our_own_faults_have_a_type() {
    let collector = Collector::start(StatusCode::OK).await;
    let mut app = TestApp::start_with(&collector.variables()).await;
    let id = uuid::Uuid::new_v4().to_string();
    app.get(&format!("/v1/users/{id}"), "garbage").await;
    app.get(&format!("/nowhere/{id}"), "garbage").await.expect(404);
    app.get("/livez", "garbage").await;
    app.app.pool.close().await;
    app.get("/v1/auth/me", &token("uid-of-nobody", &json!({})))
        .await
        .expect(503);
    stop(&mut app).await;

    let spans = collector.spans();
    assert_eq!(spans.len(), 3, "{spans:?}");
    let refused = named(&spans, "GET /v1/users/{id}");
    assert_eq!(refused.get("parentSpanId"), None);
    assert_eq!(refused.get("status"), None, "a caller's mistake is not our error");
    assert_eq!(attribute(named(&spans, "GET"), "http.route"), Value::Null);
    let failed = named(&spans, "GET /v1/auth/me");
    assert_eq!(failed["status"]["code"], 2);
    assert_eq!(attribute(failed, "error.type"), "DATABASE_UNAVAILABLE");
    let sent = collector.text();
    for unwanted in [id.as_str(), "uid-of-nobody", "nowhere"] {
        assert!(!sent.contains(unwanted), "{unwanted} in {sent}");
    }
}

#[tokio::test]
async fn what_the_caller_does_not_take_is_not_taken_unless_asked_for() {
    let collector = Collector::start(StatusCode::OK).await;
    let [endpoint, name] = collector.variables();
    let not_taken = format!("00-{TRACE}-{CALLER}-00");
    for (sampler, spans) in [("parentbased_always_on", 0), ("always_on", 1)] {
        let mut app = TestApp::start_with(&[endpoint, name, ("OTEL_TRACES_SAMPLER", sampler)]).await;
        send(
            app.request("GET", "/v1/auth/me")
                .header("traceparent", &not_taken),
        )
        .await;
        stop(&mut app).await;
        assert_eq!(collector.spans().len(), spans, "{sampler}");
    }
}

#[tokio::test]
async fn nothing_is_traced_without_a_collector() {
    let collector = Collector::start(StatusCode::OK).await;
    let [_endpoint, name] = collector.variables();
    let mut app = TestApp::start_with(&[name]).await;
    let taken = format!("00-{TRACE}-{CALLER}-01");
    send(app.request("GET", "/v1/auth/me").header("traceparent", taken)).await;
    stop(&mut app).await;
    assert_eq!(collector.text(), "");
    assert_eq!(counts(&app), "");
}

#[tokio::test]
async fn spans_a_collector_does_not_take_are_counted_and_nobody_waits() {
    let full = Collector::start(StatusCode::SERVICE_UNAVAILABLE).await;
    let mut app = TestApp::start_with(&full.variables()).await;
    app.get("/v1/auth/me", "garbage").await.expect(401);
    let scraped = app.request("GET", "/metrics").send().await.unwrap();
    assert!(
        scraped
            .text()
            .await
            .unwrap()
            .contains("\n# TYPE otel_spans_dropped_total counter\n")
    );
    stop(&mut app).await;
    assert_eq!(full.spans().len(), 1);
    assert!(
        counts(&app).contains("\notel_spans_dropped_total 1\n"),
        "{}",
        counts(&app)
    );
    assert!(counts(&app).contains("\notel_spans_exported_total 0\n"));
}

#[tokio::test]
async fn a_collector_that_hangs_holds_the_end_up_for_the_drain_time_at_most() {
    // Connections come up, and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("DRAIN_SECONDS", "1"),
    ];
    // The exporter alone would give the collector five seconds, every time; a busy machine is not busy every time.
    let limit = Duration::from_secs(4);
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let mut app = TestApp::start_with(&variables).await;
        app.get("/v1/auth/me", "garbage").await.expect(401);
        let asked = Instant::now();
        stop(&mut app).await;
        quickest = quickest.min(asked.elapsed());
        if quickest < limit {
            break;
        }
    }
    assert!(quickest < limit, "{quickest:?}");
}

fn counts(app: &TestApp) -> String {
    let mut text = String::new();
    app.app.traces.render(&mut text);
    text
}
