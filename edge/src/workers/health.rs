//! The edge's reports about itself.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use shared::headers;
use shared::key_cache::Status;
use shared::problem::{ErrorCode, Problem};
use shared::token::Ring;
use worker::{Context, Env};

use super::clock::now;
use super::examine::examine;
use super::isolate::Isolate;
use super::keys::RequestKeys;
use crate::answer::{Asked, OwnAnswer};
use crate::config::EdgeConfig;
use crate::examination;
use crate::flow::Notes;
use crate::paths::Own;
use crate::request::Inbound;

/// The isolate runs. It checks nothing else, so that a fault elsewhere never restarts it.
pub(super) fn live() -> OwnAnswer {
    OwnAnswer::json(200, json!({"status": "ok"}).to_string().into_bytes())
}

pub(super) async fn answer(
    own: Own,
    inbound: &Inbound<'_>,
    notes: &Notes,
    isolate: &Rc<Isolate>,
    (env, context): (&Env, &Context),
) -> OwnAnswer {
    if own == Own::Live {
        return live();
    }
    let mut rings = Vec::new();
    for ring in rings_in_use(&isolate.config) {
        RequestKeys::new(&isolate.keys, context).warm(ring).await;
        rings.push((ring, isolate.keys.status(ring)));
    }
    let standing = Standing {
        stepped_down: isolate.watch.is_stepped_down(context).await,
        fault: fault(isolate, &rings),
        rings,
        isolate,
    };
    if own == Own::Ready && examination::is_wanted(inbound, asks_as_admin(inbound, &isolate.config)) {
        return standing.verbose(env).await;
    }
    match &standing.fault {
        Some(problem) => {
            let asked = Asked {
                request_id: notes.request_id(),
                path: inbound.path(),
                accept: inbound.header("accept"),
            };
            OwnAnswer::problem(problem, &asked, now())
        }
        None => {
            let status = if own == Own::Ready { "ready" } else { "healthy" };
            let shown = Value::Object(standing.shown(status));
            OwnAnswer::json(200, shown.to_string().into_bytes())
        }
    }
}

/// The reason why this isolate is not ready, if there is one.
fn fault(isolate: &Isolate, rings: &[(Ring, Status)]) -> Option<Problem> {
    if let Some(faults) = &isolate.config.rollout_faults {
        let names = faults.names().into_iter().map(str::to_owned).collect();
        return Some(Problem::new(ErrorCode::ConfigInvalid).details(names));
    }
    if isolate.watch.has_unreadable_overrides() {
        let details = vec![
            "the overrides that are kept cannot be read: the variables hold until PUT /v1/rollout".to_owned(),
        ];
        return Some(Problem::new(ErrorCode::ConfigInvalid).details(details));
    }
    if rings.iter().any(|(_, status)| !status.usable) {
        let errors = rings.iter().filter_map(|(_, status)| status.last_error.clone());
        return Some(Problem::new(ErrorCode::KeysUnavailable).details(errors.collect()));
    }
    None
}

fn asks_as_admin(inbound: &Inbound<'_>, config: &EdgeConfig) -> bool {
    inbound
        .header(headers::SERVICE_KEY)
        .and_then(|key| config.service_keys.identify(key))
        .is_some_and(|service| service.admin)
}

/// The state of this isolate.
struct Standing<'a> {
    fault: Option<Problem>,
    rings: Vec<(Ring, Status)>,
    stepped_down: bool,
    isolate: &'a Rc<Isolate>,
}

impl Standing<'_> {
    /// The part that any caller may see.
    fn shown(&self, status: &str) -> Map<String, Value> {
        let keys = self.rings.iter();
        let keys = keys.map(|(ring, status)| (ring.as_str().to_owned(), key_state(status)));
        let base = &self.isolate.config.rollout;
        let overridden = self.isolate.watch.overridden(base, now());
        let rollout = overridden.as_deref().unwrap_or(base);
        [
            ("status", json!(status)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
            ("keys", Value::Object(keys.collect())),
            ("shadow_reads", json!(self.isolate.shadows.counts())),
            ("stepped_down", json!(self.stepped_down)),
            (
                "rollout",
                json!({
                    "percent": rollout.percentage.to_string(),
                    "group": rollout.group,
                    "kill_switch": rollout.kill_switch,
                }),
            ),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// The whole report, ready or not, under the status of the short answer.
    async fn verbose(&self, env: &Env) -> OwnAnswer {
        let (http, status) = self
            .fault
            .as_ref()
            .map_or((200, "ready"), |problem| (problem.status, "not ready"));
        let mut shown = self.shown(status);
        if let Some(problem) = &self.fault {
            let fault = json!({ "code": problem.code, "details": problem.details });
            shown.insert("fault".to_owned(), fault);
        }
        shown.extend(examine(self.isolate, env).await);
        let text = serde_json::to_string_pretty(&shown).unwrap_or_default();
        OwnAnswer::json(http, text.into_bytes())
    }
}

/// The emulator signs nothing, so it has no keys.
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
