//! Logging: one line an event, on standard output.

use std::io::{self, BufWriter, IsTerminal as _};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogConfig, LogFormat};

/// Lines that may wait to be written. When whoever reads our output has stopped reading, further ones are dropped: people must
/// be able to sign in while a log collector is stuck.
const WAITING_LINES: usize = 8192;

/// Writes what still waits when it is dropped; to be kept until the process ends.
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "only its drop counts")] WorkerGuard);

/// Starts logging for the rest of the process. A second call changes nothing.
///
/// A thread of its own writes, all that waits in one go: a system call for each line was a fifth of a request's time.
#[must_use = "lines that still wait are lost when this is dropped"]
pub fn start(config: &LogConfig) -> Logging {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .lossy(true)
        .finish(BufWriter::new(io::stdout()));
    let colours = io::stdout().is_terminal();
    let builder = fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(colours)
        .with_writer(writer);
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
    Logging(guard)
}
