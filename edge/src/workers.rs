//! The ports on Cloudflare. Besides `lib.rs` the only place that knows the runtime.

mod autopilot;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod console;
mod env;
mod examine;
mod glue;
mod health;
mod isolate;
mod journal;
mod keys;
mod overrides;
mod shadow;
mod socket;
mod step_down;
mod task;
mod telemetry;
mod upstream;
mod version;
mod watch;
mod webcrypto;

use std::rc::Rc;

use shared::config::Lookup as _;
use shared::ids::RequestId;
use shared::problem::{ErrorCode, Problem};
use wasm_bindgen::JsValue;
use web_sys::{Request, Response};
use worker::{Context, Env, worker_sys};

use crate::answer::{self, Asked, OwnAnswer};
use crate::authenticate::Verifier;
use crate::changes::HeaderChanges;
use crate::cors::{self, AllowedOrigins};
use crate::flow::{Gateway, Reply, ReplyBody};
use crate::request::Inbound;
use clock::{now, now_ms};
use console::Console;
use env::Bindings;
use isolate::Isolate;
use keys::RequestKeys;
use shadow::Shadow;
use upstream::RequestUpstreams;
use webcrypto::WebCrypto;

/// Answers one request.
///
/// # Errors
/// An exception of the runtime when even an answer of our own cannot be built.
pub fn answer(request: Request, env: Env, context: worker_sys::Context) -> Result<JsValue, JsValue> {
    let context = Context::new(context);
    task::run(async move { serve(request, &env, &context).await.map(JsValue::from) })
}

async fn serve(request: Request, env: &Env, context: &Context) -> Result<Response, JsValue> {
    let description = glue::describe(&request).unwrap_or_default();
    let started_ms = now_ms();
    let Some(inbound) = Inbound::parse(&description) else {
        glue::drop_body(&request, &JsValue::UNDEFINED).await;
        return respond(&OwnAnswer::empty(400), &HeaderChanges::new());
    };
    let isolate = isolate::of(env);
    let isolate = match isolate.as_ref() {
        Ok(isolate) => isolate,
        Err(faults) => {
            glue::drop_body(&request, &JsValue::UNDEFINED).await;
            return misconfigured(&inbound, &faults.names(), env);
        }
    };
    if isolate.watch.have_sign_ins_returned() {
        // The breaker's next probe would refuse the requests that come meanwhile, and these would count as failures again.
        isolate.breakers.borrow_mut().trust_v2();
    }
    let (reply, sent) = travel(request, &inbound, isolate, env, context).await;
    isolate.watch.keep_up(context);
    let mut socket = None;
    match (&reply.body, sent) {
        (ReplyBody::Relayed(answer), Sent::Shadowed(shadow)) => {
            // Only the comparison is lost.
            let _ = shadow.start(answer, context);
        }
        (ReplyBody::Relayed(answer), Sent::Socket(request)) if answer.status() == 101 => {
            socket = Some(request);
        }
        _ => {}
    }
    finish(reply, &inbound, isolate, (env, context), (socket, started_ms)).await
}

/// What is still needed of a request that was answered.
enum Sent {
    Nothing,
    Shadowed(Box<Shadow>),
    /// It opened a WebSocket, and the edge reads its messages.
    Socket(Request),
}

async fn travel(
    request: Request,
    inbound: &Inbound<'_>,
    isolate: &Rc<Isolate>,
    env: &Env,
    context: &Context,
) -> (Reply<Response>, Sent) {
    let keys = RequestKeys::new(&isolate.keys, context);
    let gateway = gateway(isolate, &keys);
    let upstreams = RequestUpstreams::new(request, env, &isolate.watch, context);
    let seed = isolate.entropy.seed();
    let mut reply = gateway.handle(inbound, &upstreams, &seed).await;
    if !matches!(reply.body, ReplyBody::Relayed(_)) {
        upstreams.drop_body().await;
    }
    if reply.replaces_tokens {
        return (reply, Sent::Socket(upstreams.into_parts().0));
    }
    let sent = reply.shadow.take().map_or(Sent::Nothing, |read| {
        let (request, body) = upstreams.into_parts();
        Sent::Shadowed(Box::new(Shadow {
            request,
            body,
            read,
            request_id: reply.notes.request_id().to_owned(),
            path: inbound.path().to_owned(),
            console: Console::new(&isolate.config),
            shadows: Rc::clone(&isolate.shadows),
            sightings: isolate
                .config
                .autopilot
                .is_some()
                .then(|| Rc::clone(&isolate.watch)),
        }))
    });
    (reply, sent)
}

fn gateway<'a>(isolate: &'a Isolate, keys: &'a RequestKeys<'a>) -> Gateway<'a, RequestKeys<'a>, WebCrypto> {
    Gateway {
        config: &isolate.config,
        verifier: Verifier {
            policy: &isolate.config.tokens,
            verified: &isolate.verified,
            keys,
            engine: &WebCrypto,
        },
        breakers: &isolate.breakers,
        users: &isolate.users,
        tallies: &isolate.watch.tallies,
        clock: &now,
    }
}

async fn finish(
    reply: Reply<Response>,
    inbound: &Inbound<'_>,
    isolate: &Rc<Isolate>,
    (env, context): (&Env, &Context),
    (socket, started_ms): (Option<Request>, u64),
) -> Result<Response, JsValue> {
    let notes = &reply.notes;
    let record = |status| journal::record(notes, inbound, status, started_ms, isolate, context);
    let own = match reply.body {
        ReplyBody::Relayed(answer) => {
            let headers = reply.headers.as_text();
            let relayed = match &socket {
                Some(request) => socket::relay(
                    &answer,
                    headers,
                    request,
                    (env, context),
                    notes.token_kind.is_some(),
                ),
                None => glue::relay(&answer, headers),
            };
            if let Ok(relayed) = relayed {
                record(answer.status());
                return Ok(relayed);
            }
            // A body under a status that has none, or another answer that the runtime refuses to build.
            glue::discard(&answer);
            let problem = Problem::new(ErrorCode::UpstreamInvalid);
            OwnAnswer::problem(&problem, &asked(inbound, notes.request_id()), now())
        }
        ReplyBody::Own(own) => own,
        ReplyBody::Health(own) => health::answer(own, inbound, notes, isolate, (env, context)).await,
    };
    record(own.status);
    respond(&own, &reply.headers)
}

fn asked<'a>(inbound: &'a Inbound<'a>, request_id: &'a str) -> Asked<'a> {
    Asked {
        request_id,
        path: inbound.path(),
        accept: inbound.header("accept"),
    }
}

/// Without a good configuration everything but `/livez` is 503 and names the bad variables, without their values. Pages of listed origins
/// can read it too, as long as the list itself can be read.
fn misconfigured(inbound: &Inbound<'_>, names: &[&str], env: &Env) -> Result<Response, JsValue> {
    let request_id = inbound
        .header(shared::headers::REQUEST_ID)
        .filter(|name| RequestId::parse(*name).is_ok())
        .unwrap_or_default();
    let asked = asked(inbound, request_id);
    let own = if inbound.path() == "/livez" {
        health::live()
    } else if cors::is_preflight(inbound) {
        OwnAnswer::empty(204)
    } else {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let problem = Problem::new(ErrorCode::ConfigInvalid).details(names);
        OwnAnswer::problem(&problem, &asked, now())
    };
    let mut headers = HeaderChanges::new();
    answer::mark(&mut headers, request_id, "edge", "config_invalid");
    let origins = Bindings(env).get("CORS_ALLOWED_ORIGINS");
    if let Some(origins) = origins.and_then(|text| AllowedOrigins::parse(&text).ok()) {
        origins.apply(inbound, &mut headers);
    }
    respond(&own, &headers)
}

fn respond(own: &OwnAnswer, more: &HeaderChanges) -> Result<Response, JsValue> {
    let mut headers = own.headers.clone();
    headers.extend(more);
    glue::respond(own.status, headers.as_text(), &own.body)
}
