//! The runtime's console, which Workers Logs and `wrangler tail` read.

use super::glue;
use crate::config::{EdgeConfig, LogLevel};
use crate::journal::Entry;
use crate::ports::Journal;

/// The console, at the configured level.
pub(super) struct Console(LogLevel);

impl Console {
    pub fn new(config: &EdgeConfig) -> Self {
        Self(config.log)
    }

    /// Writes `line` as JSON, if lines of its level are wanted.
    pub fn line(&self, level: &str, line: &impl serde::Serialize) {
        let wanted = match self.0 {
            LogLevel::Info => true,
            LogLevel::Warn => level == "warn",
            LogLevel::Off => false,
        };
        if wanted && let Ok(line) = serde_json::to_string(line) {
            glue::log(level, &line);
        }
    }
}

impl Journal for Console {
    fn record(&self, entry: &Entry<'_>) {
        self.line(entry.level, entry);
    }
}
