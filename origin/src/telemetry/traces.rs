//! Traces: OpenTelemetry's SDK and its OTLP exporter, over the service's one HTTP client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use http_client::NoClient;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    Compression, ExporterBuildError, Protocol, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use reqwest::header::HeaderMap;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};

use crate::config::TracesConfig;

/// Spans that wait or are being sent; further ones are dropped.
const MAX_WAITING: usize = 2048;
/// Spans in one request; as many are sent without a wait.
const MAX_BATCH: usize = 512;
/// How long a span waits at most.
const PAUSE: Duration = Duration::from_secs(5);
/// The modules with spans that are sent. Libraries' spans are not: they may quote statements and addresses.
const TRACED: [&str; 2] = ["origin::telemetry::span", "firebase::call"];

/// The error: traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum NoTraces {
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] NoClient),
    /// The exporter.
    #[error("the exporter of traces cannot be made")]
    Exporter(#[from] ExporterBuildError),
}

/// The traces and their collector; without a configured collector there are none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    provider: SdkTracerProvider,
    counts: Arc<Counts>,
}

/// The counts of sent and lost spans. The SDK also counts the lost ones, but does not expose them.
#[derive(Debug, Default)]
struct Counts {
    waiting: AtomicUsize,
    exported: AtomicU64,
    dropped: AtomicU64,
}

impl Traces {
    /// Traces to the collector of `config`; none without one. Call it within a runtime, which then makes the requests to the collector.
    ///
    /// # Errors
    /// [`NoTraces`] when TLS or the exporter cannot be set up.
    pub fn new(config: Option<&TracesConfig>) -> Result<Self, NoTraces> {
        let Some(config) = config else {
            return Ok(Self(None));
        };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Collector {
                client: http_client::client()?,
                runtime: Handle::current(),
                headers: config.headers.clone(),
                timeout: config.timeout,
            })
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(config.url.as_str())
            .with_timeout(config.timeout);
        let exporter = if config.gzip {
            exporter.with_compression(Compression::Gzip)
        } else {
            exporter
        };
        let counts = Arc::new(Counts::default());
        let exporter = CountedExporter {
            exporter: exporter.build()?,
            counts: Arc::clone(&counts),
            is_failing: AtomicBool::new(false),
        };
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(PAUSE)
            .build();
        let processor = CountedProcessor {
            batches: BatchSpanProcessor::new(exporter, batches),
            counts: Arc::clone(&counts),
        };
        let resource = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attributes(config.resource.clone())
            .with_service_name(config.service.clone())
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_sampler(config.sampler.clone())
            .with_resource(resource)
            .build();
        Ok(Self(Some(Inner { provider, counts })))
    }

    /// The layer that turns our spans into OpenTelemetry's; it does nothing without traces.
    #[must_use]
    pub fn layer(&self) -> Option<impl Layer<Registry> + use<>> {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let tracer = self.0.as_ref()?.provider.tracer_with_scope(scope);
        // Spans only: log lines say more than a trace may hold.
        let traced = filter_fn(|metadata| metadata.is_span() && TRACED.contains(&metadata.target()));
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(traced.with_max_level_hint(LevelFilter::INFO));
        Some(layer)
    }

    /// Sends the waiting spans, and nothing after them. Returns after `limit` in any case; a running request may go on.
    pub async fn finish(&self, limit: Duration) {
        let Some(inner) = &self.0 else { return };
        let provider = inner.provider.clone();
        let finished = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(limit)).await;
        if !matches!(finished, Ok(Ok(()))) {
            tracing::warn!("the collector did not take the last spans");
        }
    }

    /// How many spans the collector accepted, and how many are lost; `None` without traces.
    #[must_use]
    pub fn counts(&self) -> Option<(u64, u64)> {
        let counts = &self.0.as_ref()?.counts;
        let (exported, dropped) = (&counts.exported, &counts.dropped);
        Some((exported.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed)))
    }
}

/// Passes spans to the SDK's batches while there is room.
#[derive(Debug)]
struct CountedProcessor {
    batches: BatchSpanProcessor,
    counts: Arc<Counts>,
}

impl SpanProcessor for CountedProcessor {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.counts.waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING {
            self.batches.on_end(span);
        } else {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts the exporter's result of each batch, and logs one line for each outage.
#[derive(Debug)]
struct CountedExporter {
    exporter: opentelemetry_otlp::SpanExporter,
    counts: Arc<Counts>,
    is_failing: AtomicBool,
}

impl SpanExporter for CountedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let outcome = self.exporter.export(batch).await;
        let counter = if outcome.is_ok() {
            &self.counts.exported
        } else {
            &self.counts.dropped
        };
        counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.counts.waiting.fetch_sub(spans, Ordering::Relaxed);
        let was_failing = self.is_failing.swap(outcome.is_err(), Ordering::Relaxed);
        if let Err(error) = &outcome
            && !was_failing
        {
            tracing::warn!(%error, "the collector does not take spans");
        }
        outcome
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The collector. The SDK calls it on a thread of its own, without a runtime.
#[derive(Debug)]
struct Collector {
    client: reqwest::Client,
    runtime: Handle,
    headers: HeaderMap,
    timeout: Duration,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = self
            .client
            .request(parts.method, parts.uri.to_string())
            .headers(parts.headers)
            .headers(self.headers.clone())
            .timeout(self.timeout)
            .body(body);
        let answer = self.runtime.spawn(async { request.send().await }).await??;
        // The body says how many single spans were refused: the SDK only logs that.
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}
