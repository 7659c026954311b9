//! Records a request: one JSON line to the runtime's console, which Workers Logs and `wrangler tail` read, and one data point where a
//! dataset is bound.

use shared::token::Ring;
use worker::Context;

use super::clock::{now, now_ms};
use super::console::Console;
use super::isolate::Isolate;
use crate::config::EdgeConfig;
use crate::flow::Notes;
use crate::journal::Entry;
use crate::paths::{self, Route};
use crate::ports::Journal as _;
use crate::request::Inbound;
use crate::telemetry::Standing;

/// Records that `inbound` was answered with `status`.
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
    isolate
        .telemetry
        .tell(&entry, notes.reason, || standing(isolate), context);
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

fn standing(isolate: &Isolate) -> Standing {
    let keys = isolate.keys.status(Ring::FirebaseIdToken);
    let base = &isolate.config.rollout;
    let overridden = isolate.watch.overridden(base, now());
    let rollout = overridden.as_deref().unwrap_or(base);
    Standing {
        keys_age_seconds: keys.age_seconds,
        keys_expire_in_seconds: keys.expires_in_seconds,
        keys_failing: keys.last_error.is_some(),
        breakers_open: isolate.breakers.borrow().open().count(),
        stepped_down: isolate.watch.last_known().0,
        rollout_percent: f64::from(rollout.percentage.basis_points()) / 100.0,
    }
}

/// The name of a path: it never holds text of a stranger's that is not already known.
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
