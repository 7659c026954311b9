//! Logging: one line for each event, on standard output. Traces: see [`Traces`].

mod causes;
mod lines;
pub mod span;
mod traces;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::{LogConfig, LogFormat};
use lines::{Lines, Writing};

pub use causes::{Causes, told};
pub use traces::{NoTraces, Traces};

/// Writes the waiting lines when it is dropped; keep it until the process ends.
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "only its drop counts")] Option<Writing>);

/// Starts logging, and tracing to `traces`, for the rest of the process. A second call changes nothing.
#[must_use = "lines that still wait are lost when this is dropped"]
pub fn start(config: &LogConfig, traces: &Traces) -> Logging {
    let level: Targets = config
        .level
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    // Lines name no span: the layer need not keep one for them.
    let filter = level.and(filter_fn(|metadata| metadata.is_event()));
    // A process that cannot start a thread serves no request either; it need not log.
    let (lines, writing) = match Lines::write_to(io::stdout()) {
        Ok((lines, writing)) => (lines, Some(writing)),
        Err(_) => (Lines::default(), None),
    };
    let layer = fmt::layer()
        .with_target(false)
        .with_ansi(io::stdout().is_terminal())
        .with_writer(lines);
    let subscriber = tracing_subscriber::registry().with(traces.layer());
    // Fails only if logging has already started.
    let _already_started = match config.format {
        LogFormat::Json => {
            let layer = layer
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false);
            subscriber.with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Pretty => subscriber.with(layer.compact().with_filter(filter)).try_init(),
    };
    Logging(writing)
}
