//! What the edge says about itself.

use std::rc::Rc;

use serde_json::{Value, json};
use shared::key_cache::Status;
use shared::problem::{ErrorCode, Problem};
use shared::token::Ring;
use worker::Context;

use super::isolate::Isolate;
use super::keys::RequestKeys;
use super::now;
use crate::answer::{Asked, OwnAnswer};
use crate::config::EdgeConfig;
use crate::flow::Notes;
use crate::paths::Own;
use crate::request::Inbound;

/// The isolate runs: nothing else is asked, so that a fault elsewhere never restarts it.
pub(super) fn live() -> OwnAnswer {
    OwnAnswer::json(200, json!({"status": "ok"}).to_string().into_bytes())
}

pub(super) async fn answer(
    own: Own,
    inbound: &Inbound<'_>,
    notes: &Notes,
    isolate: &Rc<Isolate>,
    context: &Context,
) -> OwnAnswer {
    if own == Own::Live {
        return live();
    }
    let mut rings = Vec::new();
    for ring in rings_in_use(&isolate.config) {
        RequestKeys::new(isolate, context).warm(ring).await;
        rings.push((ring, isolate.keys.status(ring)));
    }
    let failed = |problem: &Problem| {
        let asked = Asked {
            request_id: notes.request_id(),
            path: inbound.path,
            accept: inbound.header("accept"),
        };
        OwnAnswer::problem(problem, &asked, now())
    };
    if let Some(faults) = &isolate.config.rollout_faults {
        let names = faults.names().into_iter().map(str::to_owned).collect();
        return failed(&Problem::new(ErrorCode::ConfigInvalid).details(names));
    }
    if rings.iter().any(|(_, status)| !status.usable) {
        let errors = rings.iter().filter_map(|(_, status)| status.last_error.clone());
        return failed(&Problem::new(ErrorCode::KeysUnavailable).details(errors.collect()));
    }
    let keys: Value = rings
        .iter()
        .map(|(ring, status)| (ring.as_str().to_owned(), key_state(status)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = json!({
        "status": if own == Own::Ready { "ready" } else { "healthy" },
        "version": env!("CARGO_PKG_VERSION"),
        "keys": keys,
        "shadow_reads": isolate.shadows.counts(),
        "stepped_down": isolate.watch.is_stepped_down().await,
        "rollout": {
            "percent": isolate.config.rollout.percentage.to_string(),
            "group": isolate.config.rollout.group,
            "kill_switch": isolate.config.rollout.kill_switch,
        },
    });
    OwnAnswer::json(200, body.to_string().into_bytes())
}

/// The emulator signs nothing, so there are no keys to be had.
fn rings_in_use(config: &EdgeConfig) -> impl Iterator<Item = Ring> {
    let tokens = &config.tokens;
    let signed = tokens.emulator.is_none();
    let id_tokens = signed.then_some(Ring::FirebaseIdToken);
    let cookies = (signed && tokens.session_cookies).then_some(Ring::FirebaseSessionCookie);
    id_tokens.into_iter().chain(cookies)
}

fn key_state(status: &Status) -> Value {
    json!({
        "keys": status.keys,
        "age_seconds": status.age_seconds,
        "expires_in_seconds": status.expires_in_seconds,
        "last_error": status.last_error,
    })
}
