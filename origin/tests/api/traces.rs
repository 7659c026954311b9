//! Traces, as a collector's receiver of OTLP over HTTP takes them: protobuf, decoded by OpenTelemetry's own definitions.

use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Said};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::emulator;
use crate::support::{TestApp, send, token, with_json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A request's headers and its inflated body.
type Received = (HeaderMap, Vec<u8>);

/// A collector that keeps what it receives and gives the configured answers.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    async fn start(answer: StatusCode) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let take = move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let body = match headers.get("content-encoding") {
                Some(encoding) => {
                    assert_eq!(encoding, "gzip");
                    let mut inflated = Vec::new();
                    GzDecoder::new(&body[..]).read_to_end(&mut inflated).unwrap();
                    inflated
                }
                None => body.to_vec(),
            };
            kept.lock().unwrap().push((headers, body));
            std::future::ready(answer)
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, received }
    }

    /// What arrived, decoded.
    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let received = self.received.lock().unwrap();
        let bodies = received.iter().map(|(_, body)| &body[..]);
        bodies
            .map(|body| ExportTraceServiceRequest::decode(body).unwrap())
            .collect()
    }

    /// What arrived, as text.
    fn text(&self) -> String {
        format!("{:?}", self.requests())
    }

    /// The process that sent the first request.
    fn resource(&self) -> Resource {
        self.requests()[0].resource_spans[0].resource.clone().unwrap()
    }

    /// All spans that arrived.
    fn spans(&self) -> Vec<Span> {
        let resources = self
            .requests()
            .into_iter()
            .flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.endpoint),
            ("OTEL_SERVICE_NAME", "origin-of-the-tests"),
        ]
    }
}

/// Traces this thread, which also runs the test's service; `origin serve` traces the whole process.
fn trace(app: &TestApp) -> DefaultGuard {
    set_default(tracing_subscriber::registry().with(app.app.traces.layer()))
}

/// The value of an attribute; `null` without one.
fn attribute(attributes: &[KeyValue], key: &str) -> Value {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Said::StringValue(text)) => text.into(),
        Some(Said::IntValue(number)) => number.into(),
        Some(other) => panic!("{key}: {other:?}"),
        None => Value::Null,
    }
}

/// The names of a span's attributes.
fn names(span: &Span) -> Vec<&str> {
    let mut names: Vec<_> = span
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect();
    names.sort_unstable();
    names
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn has_failed(span: &Span) -> bool {
    span.status
        .as_ref()
        .is_some_and(|status| status.code() == SpanStatus::Error)
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in {names:?}");
    found[0]
}

/// Stops the service, which sends the waiting spans.
async fn stop(app: &mut TestApp) {
    app.stop().await.unwrap().unwrap();
}

#[tokio::test]
async fn registration_is_one_span_under_the_callers_with_the_calls_to_google_under_it() {
    let collector = Collector::start(StatusCode::OK).await;
    let mut app = emulator::start_with(&collector.variables()).await;
    let _traced = trace(&app);
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
    assert_eq!(hex(&server.trace_id), TRACE);
    assert_eq!(hex(&server.parent_span_id), CALLER);
    assert_eq!(server.kind(), SpanKind::Server);
    let of_server = |key| attribute(&server.attributes, key);
    assert_eq!(of_server("http.request.method"), "POST");
    assert_eq!(of_server("http.route"), "/v1/auth/register");
    assert_eq!(of_server("http.response.status_code"), 201);
    assert_eq!(of_server("url.scheme"), "http");
    assert_eq!(
        names(server),
        [
            "http.request.method",
            "http.response.status_code",
            "http.route",
            "url.scheme"
        ]
    );
    assert!(!has_failed(server));
    assert!(server.events.is_empty(), "{server:?}");
    assert!(server.start_time_unix_nano < server.end_time_unix_nano);

    assert_eq!(spans.len(), 3, "{spans:?}");
    named(&spans, "POST accounts");
    let call = named(&spans, "POST accounts:signInWithPassword");
    assert_eq!(call.trace_id, server.trace_id);
    assert_eq!(call.parent_span_id, server.span_id);
    assert_ne!(call.span_id, server.span_id);
    assert_eq!(call.kind(), SpanKind::Client);
    assert_eq!(
        names(call),
        ["http.request.method", "http.response.status_code", "url.template"]
    );
    assert_eq!(attribute(&call.attributes, "http.response.status_code"), 200);
    assert!(server.start_time_unix_nano <= call.start_time_unix_nano);
    assert!(call.end_time_unix_nano <= server.end_time_unix_nano);

    let resource = collector.resource().attributes;
    assert_eq!(attribute(&resource, "service.name"), "origin-of-the-tests");
    assert_eq!(attribute(&resource, "service.version"), env!("CARGO_PKG_VERSION"));

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
async fn spans_omit_paths_and_type_our_own_faults() {
    let collector = Collector::start(StatusCode::OK).await;
    let mut app = TestApp::start_with(&collector.variables()).await;
    let _traced = trace(&app);
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
    assert!(refused.parent_span_id.is_empty(), "{refused:?}");
    assert!(!has_failed(refused), "a caller's mistake is not our error");
    assert_eq!(
        attribute(&named(&spans, "GET").attributes, "http.route"),
        Value::Null
    );
    let failed = named(&spans, "GET /v1/auth/me");
    assert!(has_failed(failed));
    assert_eq!(
        attribute(&failed.attributes, "error.type"),
        "DATABASE_UNAVAILABLE"
    );
    let sent = collector.text();
    for unwanted in [id.as_str(), "uid-of-nobody", "nowhere"] {
        assert!(!sent.contains(unwanted), "{unwanted} in {sent}");
    }
}

#[tokio::test]
async fn unsampled_caller_is_not_traced_by_default() {
    let collector = Collector::start(StatusCode::OK).await;
    let [endpoint, name] = collector.variables();
    let not_taken = format!("00-{TRACE}-{CALLER}-00");
    for (sampler, spans) in [("parentbased_always_on", 0), ("always_on", 1)] {
        let mut app = TestApp::start_with(&[endpoint, name, ("OTEL_TRACES_SAMPLER", sampler)]).await;
        let _traced = trace(&app);
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
    let _traced = trace(&app);
    let taken = format!("00-{TRACE}-{CALLER}-01");
    send(app.request("GET", "/v1/auth/me").header("traceparent", taken)).await;
    stop(&mut app).await;
    assert!(collector.requests().is_empty());
    assert_eq!(app.app.traces.counts(), None);
}

#[tokio::test]
async fn headers_compression_and_resource_attributes_are_as_configured() {
    let collector = Collector::start(StatusCode::OK).await;
    let traces_endpoint = format!("{}/v1/traces", collector.endpoint);
    let mut app = TestApp::start_with(&[
        // Nothing listens there: the traces' own endpoint counts.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &traces_endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20key,x-tenant=t1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=staging,service.name=of-attributes",
        ),
    ])
    .await;
    let _traced = trace(&app);
    app.get("/v1/auth/me", "garbage").await.expect(401);
    stop(&mut app).await;

    assert_eq!(collector.spans().len(), 1);
    let headers = collector.received.lock().unwrap()[0].0.clone();
    assert_eq!(headers["api-key"], "a key");
    assert_eq!(headers["x-tenant"], "t1");
    assert_eq!(headers["content-encoding"], "gzip");
    let resource = collector.resource().attributes;
    assert_eq!(attribute(&resource, "service.name"), "of-attributes");
    assert_eq!(attribute(&resource, "deployment.environment.name"), "staging");
    assert_eq!(app.app.traces.counts(), Some((1, 0)));
}

#[tokio::test]
async fn spans_that_the_collector_refuses_are_counted() {
    // The exporter does not repeat this, unlike a 503.
    let refusing = Collector::start(StatusCode::BAD_REQUEST).await;
    let mut app = TestApp::start_with(&refusing.variables()).await;
    let _traced = trace(&app);
    app.get("/v1/auth/me", "garbage").await.expect(401);
    stop(&mut app).await;
    assert_eq!(refusing.spans().len(), 1);
    assert_eq!(app.app.traces.counts(), Some((0, 1)));
}

/// A slow collector does not slow down requests; spans beyond the queue are dropped.
#[tokio::test]
async fn slow_collector_delays_no_request() {
    // The connections open, and nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let mut app = TestApp::start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("DRAIN_SECONDS", "1"),
    ])
    .await;
    let _traced = trace(&app);
    for _ in 0..2100 {
        app.get("/nowhere", "garbage").await.expect(404);
    }
    // 2048 may wait.
    let (exported, dropped) = app.app.traces.counts().unwrap();
    assert_eq!(exported, 0);
    assert!(dropped >= 52, "{dropped}");
    stop(&mut app).await;
}

#[tokio::test]
async fn hanging_collector_delays_the_end_by_the_drain_time_at_most() {
    // The connections open, and nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("DRAIN_SECONDS", "1"),
    ];
    // The exporter alone would wait ten seconds every time; a busy machine is not busy every time.
    let limit = Duration::from_secs(4);
    let mut quickest = Duration::MAX;
    for _ in 0..5 {
        let mut app = TestApp::start_with(&variables).await;
        let _traced = trace(&app);
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
