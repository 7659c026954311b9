//! What is written about a request: one JSON line to the runtime's console, which Workers Logs and `wrangler tail` read, and one data
//! point where a dataset is bound.

use worker::Context;

use super::isolate::Isolate;
use super::{glue, now_ms};
use crate::config::{EdgeConfig, LogLevel};
use crate::flow::Notes;
use crate::journal::Entry;
use crate::paths::{self, Route};
use crate::ports::Journal;
use crate::request::Inbound;

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

/// Writes down that `inbound` was answered with `status`.
pub(super) fn record(
    notes: &Notes,
    inbound: &Inbound<'_>,
    status: u16,
    started_ms: u64,
    isolate: &Isolate,
    context: &Context,
) {
    let entry = entry(notes, inbound, status, started_ms, &isolate.config);
    Console::new(&isolate.config).record(&entry);
    isolate.telemetry.tell(&entry, notes.reason, isolate, context);
}

fn entry<'a>(
    notes: &'a Notes,
    inbound: &Inbound<'a>,
    status: u16,
    started_ms: u64,
    config: &'a EdgeConfig,
) -> Entry<'a> {
    let trace = notes.trace.as_ref();
    Entry {
        level: if status >= 500 || notes.instead_of.is_some() {
            "warn"
        } else {
            "info"
        },
        request_id: notes.request_id(),
        traceparent: trace.map_or("", |trace| trace.traceparent.as_str()),
        method: inbound.method,
        path: name_of(inbound.path(), config),
        status,
        route: notes.route,
        reason: notes.reason,
        instead_of: notes.instead_of,
        token_kind: notes.token_kind.map(|kind| kind.as_str()),
        translated: notes.translated,
        service: notes.service.as_deref(),
        code: notes.code,
        limits_failed: notes.limits_failed,
        bucket: notes.bucket,
        duration_ms: now_ms().saturating_sub(started_ms),
    }
}

/// What a path is called: never more of what a stranger typed than is known anyway.
fn name_of<'a>(path: &str, config: &'a EdgeConfig) -> Option<&'a str> {
    match paths::route(path) {
        Route::New { path, .. } => paths::endpoint(&path),
        Route::Legacy { path, .. } => paths::endpoint(path),
        Route::Own(_) => paths::endpoint(path),
        Route::App => config
            .app_services
            .find(path)
            .map(|service| service.prefix.as_str()),
        Route::Unknown => None,
    }
}
