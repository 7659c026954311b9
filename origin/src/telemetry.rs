//! Logging: one line an event, on standard output. Traces: see [`Traces`].

mod causes;
mod lines;
mod otlp;
mod queue;
mod span;
mod trace_context;
mod traces;

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};
use lines::{Lines, Writing};

pub use causes::{Causes, told};
pub use span::{Call, Outcome};
pub use trace_context::{ALL, Sampling};
pub use traces::{Open, Traces, begin_call};

/// Writes what still waits when it is dropped; to be kept until the process ends.
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "only its drop counts")] Option<Writing>);

/// Starts logging for the rest of the process. A second call changes nothing.
#[must_use = "lines that still wait are lost when this is dropped"]
pub fn start(config: &LogConfig) -> Logging {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    // A process that can have no thread serves nobody either; it need not log.
    let (lines, writing) = match Lines::write_to(io::stdout()) {
        Ok((lines, writing)) => (lines, Some(writing)),
        Err(_) => (Lines::default(), None),
    };
    let colours = io::stdout().is_terminal();
    let builder = fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(lines);
    // Fails only when logging has started already, which is what was asked for.
    let _already_started = match config.format {
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .finish()
            .try_init(),
        LogFormat::Pretty => builder.compact().finish().try_init(),
    };
    Logging(writing)
}
