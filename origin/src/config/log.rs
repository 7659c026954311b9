//! How to log.

use shared::config::Reader;
use shared::token::Environment;
use tracing_subscriber::EnvFilter;

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// For people at a terminal.
    Pretty,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// Directives of `tracing_subscriber::EnvFilter`, such as `info` or `info,origin=debug`.
    pub level: String,
    /// The shape of a line.
    pub format: LogFormat,
}

impl LogConfig {
    /// Reads `LOG_LEVEL` (`info`) and `LOG_FORMAT` (`json` or `pretty`; pretty in development).
    pub fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let level = reader.or("LOG_LEVEL", "info".to_owned(), |text| {
            EnvFilter::try_new(text)
                .map(|_| text.to_owned())
                .map_err(|_| "is not a log filter such as `info` or `info,origin=debug`")
        });
        let usual = if environment == Environment::Development {
            LogFormat::Pretty
        } else {
            LogFormat::Json
        };
        let format = reader.or("LOG_FORMAT", usual, |text| match text {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            _ => Err("is neither `json` nor `pretty`"),
        });
        Self { level, format }
    }
}
