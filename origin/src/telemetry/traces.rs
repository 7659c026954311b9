//! Traces: a span for every request taken and for the calls to Google made for it, sent to a collector in the background.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::HeaderMap;
use firebase::http_client::{self, NoClient};
use reqwest::header::CONTENT_TYPE;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::otlp;
use super::queue::Queue;
use super::span::{Begun, Call, Outcome};
use super::trace_context::Place;
use crate::config::TracesConfig;
use crate::metrics::{head, sample};

/// How long a span waits at most before it is sent, as with OpenTelemetry's batch processor.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the collector may take for one batch.
const TIMEOUT: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// The request being answered, if it is traced.
    static CURRENT: (Traces, Place);
}

/// What is traced and where it goes; nothing and nowhere unless a collector is configured. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    config: TracesConfig,
    client: reqwest::Client,
    queue: Queue,
}

/// A span that has begun. One that is dropped before its end is not sent.
#[derive(Debug)]
pub struct Open {
    traces: Traces,
    begun: Begun,
}

impl Traces {
    /// Traces to the collector of `config`; none without one. Nothing is sent before [`Traces::keep_exporting`].
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(config: Option<&TracesConfig>) -> Result<Self, NoClient> {
        let Some(config) = config else {
            return Ok(Self(None));
        };
        Ok(Self(Some(Arc::new(Inner {
            config: config.clone(),
            client: http_client::client()?,
            queue: Queue::default(),
        }))))
    }

    /// Begins the span of a request with these headers, if it is to have one.
    #[must_use]
    pub fn begin(&self, request: &HeaderMap) -> Option<Open> {
        let inner = self.0.as_ref()?;
        let place = Place::of_request(request, inner.config.sampling)?;
        Some(Open {
            traces: self.clone(),
            begun: Begun::now(place),
        })
    }

    /// Sends what waits, time and again, until `stopped` completes or its other end is dropped; then the rest.
    pub async fn keep_exporting(self, mut stopped: oneshot::Receiver<()>) {
        let Some(inner) = self.0 else { return };
        let mut failing = false;
        loop {
            let last = tokio::select! {
                _ = &mut stopped => true,
                () = inner.queue.enough() => false,
                () = sleep(PAUSE) => false,
            };
            inner.export_waiting(&mut failing).await;
            if last {
                return;
            }
        }
    }

    /// Adds the counts to `text`, in Prometheus' format; nothing where nothing is traced.
    pub fn render(&self, text: &mut String) {
        let Some(inner) = &self.0 else { return };
        for (name, help, count) in [
            (
                "otel_spans_exported_total",
                "Spans the collector took.",
                &inner.queue.exported,
            ),
            (
                "otel_spans_dropped_total",
                "Spans lost: too many waited, or the collector did not take them.",
                &inner.queue.dropped,
            ),
        ] {
            head(text, name, "counter", help);
            sample(text, name, "", count.load(Ordering::Relaxed));
        }
    }
}

impl Inner {
    /// A batch that the collector does not take is dropped, not repeated: with a collector that is down there will be more than fits
    /// anyway, and traces are no record.
    async fn export_waiting(&self, failing: &mut bool) {
        loop {
            let batch = self.queue.take();
            if batch.is_empty() {
                return;
            }
            let body = otlp::request(&self.config.service, &batch);
            match self.post(body).await {
                Ok(()) => {
                    Queue::count(&self.queue.exported, batch.len());
                    *failing = false;
                }
                Err(reason) => {
                    Queue::count(&self.queue.dropped, batch.len());
                    // One line an outage: `otel_spans_dropped_total` says how much it costs.
                    if !std::mem::replace(failing, true) {
                        tracing::warn!(reason, "the collector does not take spans");
                    }
                }
            }
        }
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), String> {
        let request = self
            .client
            .post(self.config.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .timeout(TIMEOUT)
            .body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(format!("it answered {}", response.status().as_u16())),
            Err(error) if error.is_timeout() => Err("it did not answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("it cannot be reached".to_owned()),
            Err(_) => Err("the connection broke".to_owned()),
        }
    }
}

impl Open {
    /// The trace's id, for the log.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.begun.place.trace_id)
    }

    /// Runs `work` with this span as the one that calls stand under.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope((self.traces.clone(), self.begun.place), work)
    }

    /// Ends the span and queues it.
    pub fn end(self, call: Call, outcome: Outcome) {
        if let Some(inner) = &self.traces.0 {
            inner.queue.push(self.begun.end(call, outcome));
        }
    }
}

/// Begins a span for a call that the present request needs, if the request has one.
#[must_use]
pub fn begin_call() -> Option<Open> {
    CURRENT
        .try_with(|(traces, place)| Open {
            traces: traces.clone(),
            begun: Begun::now(place.child()),
        })
        .ok()
}
