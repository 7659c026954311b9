//! `/readyz?verbose` for an operator: asks both sides about their readiness and gathers this isolate's state. `crate::examination` decides
//! what may be shown.

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use serde_json::{Map, Value, json};
use shared::token::Accepted;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use worker::Env;

use super::clock::{now, now_ms};
use super::env::Bindings;
use super::isolate::Isolate;
use super::{glue, version};
use crate::examination::{self, Reached};
use crate::paths::{ACCOUNT_BINDING, ACCOUNT_NETWORK_BINDING, Limit};

/// A service that takes longer counts as unwell, since the operator waits.
const PATIENCE_MS: u32 = 1_500;
const MAX_ANSWER_BYTES: u32 = 64 * 1024;

/// The whole examination, without this isolate's readiness and keys.
pub(super) async fn examine(isolate: &Rc<Isolate>, env: &Env) -> Map<String, Value> {
    let config = &isolate.config;
    // All questions are sent before the first answer is awaited.
    let ask = |url: &str| glue::probe(url, PATIENCE_MS, MAX_ANSWER_BYTES);
    let health = ask(config.origin.target("/health", "").url());
    let readiness = ask(config.origin.target("/readyz", "").url());
    let legacy = config
        .legacy
        .as_ref()
        .map(|url| ask(url.target("/health", "").url()));

    let (origin, _) = reached(health).await;
    let (_, checks) = reached(readiness).await;
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("at", json!(now().to_rfc3339().unwrap_or_default()));
    let mut upstreams = Map::new();
    upstreams.insert("origin".to_owned(), examination::service(&origin));
    if let Some(legacy) = legacy {
        upstreams.insert(
            "legacy".to_owned(),
            examination::service(&reached(legacy).await.0),
        );
    }
    put("upstreams", Value::Object(upstreams));
    // The checks of the origin's database and schema: a doctor run there would begin with them.
    put("origin_checks", checks.get("checks").cloned().unwrap_or_default());
    let accepts = Accepted::of(&config.tokens, config.sealers.kids().iter().map(String::as_str));
    put("differs_from_origin", examination::differences(&accepts, &checks));
    put("accepts", json!(accepts));
    let breakers: Map<String, Value> = isolate
        .breakers
        .borrow()
        .states()
        .map(|(name, state)| (name.to_owned(), json!(state)))
        .collect();
    put("breakers", Value::Object(breakers));
    put("step_down", step_down(isolate));
    put("deployment", version::shown(env));
    put("bindings", bindings(isolate, env));
    put(
        "isolate",
        json!({ "verified_tokens": isolate.verified.borrow().len() }),
    );
    put(
        "configuration",
        examination::configuration(&Bindings(env), config),
    );
    shown
}

/// Waits for a sent probe: the service's state, and the body of its answer.
async fn reached(probe: Promise) -> (Result<Reached, &'static str>, Value) {
    let Ok(answer) = JsFuture::from(probe).await else {
        return (Err("unreachable"), Value::Null);
    };
    if let Some(fault) = answer.as_string() {
        let fault = if fault == "timeout" {
            "timeout"
        } else {
            "unreachable"
        };
        return (Err(fault), Value::Null);
    }
    let fields: Array = answer.unchecked_into();
    let number = |at| fields.get(at).as_f64().unwrap_or_default();
    let bytes = fields.get(4).unchecked_into::<Uint8Array>().to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates"
    )]
    let reached = Reached::read(
        number(0) as u16,
        number(2) as u64,
        number(1),
        number(3) as u64,
        &body,
    );
    (Ok(reached), body)
}

fn step_down(isolate: &Isolate) -> Value {
    let (is_down, known_at_ms) = isolate.watch.last_known();
    let heard = (known_at_ms > 0).then(|| now_ms().saturating_sub(known_at_ms).div_euclid(1_000));
    json!({
        "watched": isolate.watch.is_bound(),
        "stepped_down": is_down,
        "heard_seconds_ago": heard,
    })
}

/// The bindings of this deployment: environments do not inherit them, so one is easily forgotten.
fn bindings(isolate: &Isolate, env: &Env) -> Value {
    let is_bound =
        |name: &str| js_sys::Reflect::get(env, &name.into()).is_ok_and(|binding| binding.is_object());
    let kinds = Limit::ALL.iter().map(|limit| limit.binding());
    let limits = kinds
        .chain([ACCOUNT_BINDING, ACCOUNT_NETWORK_BINDING])
        .map(|binding| (binding, is_bound(binding)));
    let watches = [
        ("STEP_DOWN", isolate.watch.is_bound()),
        ("TELEMETRY", isolate.telemetry.is_bound()),
        (version::BINDING, is_bound(version::BINDING)),
    ];
    let bound = limits.chain(watches);
    Value::Object(
        bound
            .map(|(name, is_bound)| (name.to_owned(), json!(is_bound)))
            .collect(),
    )
}
