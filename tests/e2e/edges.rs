//! Edges that a test starts for itself, with variables of its own and empty caches.

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::api::{Api, Call};
use crate::puppet::Puppet;
use crate::stack;

/// A running edge. It ends with the stack, or by [`Edge::end`].
pub struct Edge {
    pub api: Api,
    /// A socket of the Worker's own, for `testkit::wire`: nothing changes a request before the Worker sees it.
    pub direct: String,
    /// The sockets of the other Workers around the same object, see [`Wanted::isolates`].
    pub others: Vec<String>,
    id: String,
}

/// The options of an edge to start.
#[derive(Default)]
pub struct Wanted {
    variables: Map<String, Value>,
    cache: Option<String>,
    telemetry: bool,
    changeable: bool,
    isolates: u32,
    /// Options of Miniflare: the bindings of the runtime.
    bindings: Map<String, Value>,
}

/// An edge with the stack's own variables, until the test sets others.
pub fn edge() -> Wanted {
    Wanted::default()
}

impl Wanted {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Both sides are services that answer as the test tells them.
    pub fn between(self, v2: &Puppet, legacy: &Puppet) -> Self {
        self.with("ORIGIN_URL", &v2.url)
            .with("LEGACY_AUTH_URL", &legacy.url)
    }

    /// Edges with the same name here share a cache, as the isolates of one data centre do. Without a name an edge reads no other edge's
    /// cache.
    pub fn in_data_centre(mut self, name: &str) -> Self {
        self.cache = Some(name.to_owned());
        self
    }

    /// Binds the Durable Object that watches both sides.
    pub fn watched(mut self) -> Self {
        let object = json!({ "STEP_DOWN": { "className": "StepDown", "useSQLite": true } });
        self.bindings.insert("durableObjects".to_owned(), object);
        self
    }

    /// Binds a counter that lets `calls` calls in `seconds` seconds pass.
    pub fn limited(mut self, name: &str, calls: u32, seconds: u32) -> Self {
        let counter = json!({ "namespace_id": name, "simple": { "limit": calls, "period": seconds } });
        let counters = self.bindings.entry("ratelimits").or_insert_with(|| json!({}));
        counters[name] = counter;
        self
    }

    /// Binds a dataset that keeps its points, see [`Edge::points`].
    pub fn counted(mut self) -> Self {
        self.telemetry = true;
        self
    }

    /// Starts `count` Workers around one object, like as many isolates of one deployment.
    pub fn isolates(mut self, count: u32) -> Self {
        self.isolates = count;
        self
    }

    /// Lets each request bring variables along, see [`under`].
    pub fn changeable(mut self) -> Self {
        self.changeable = true;
        self
    }

    /// Binds another part of the runtime, by Miniflare's name for it.
    pub fn bound(mut self, option: &str, value: Value) -> Self {
        self.bindings.insert(option.to_owned(), value);
        self
    }

    pub async fn start(self) -> Edge {
        let answer = host()
            .post(
                "/",
                &json!({
                    "variables": self.variables,
                    "bindings": self.bindings,
                    "telemetry": self.telemetry,
                    "changeable": self.changeable,
                    "isolates": self.isolates.max(1),
                    "cache": self.cache,
                }),
            )
            .send()
            .await
            .expect(201);
        Edge::at(&answer)
    }
}

impl Edge {
    fn at(answer: &Answer) -> Self {
        let others = answer.json()["others"].as_array().cloned();
        Self {
            api: Api::at(&answer.text_at("/url")),
            direct: answer.text_at("/direct"),
            others: others
                .unwrap_or_default()
                .iter()
                .filter_map(|url| url.as_str().map(str::to_owned))
                .collect(),
            id: answer.text_at("/id"),
        }
    }

    /// Ends the runtime and starts it again: isolates have forgotten everything, objects only what they did not store.
    pub async fn restart(self) -> Self {
        let path = format!("/{}", self.id);
        Self::at(&host().call("PUT", &path).send().await.expect(200))
    }

    /// The data points of a [`Wanted::counted`] edge, in the order in which they arrived; waits until there are `count`.
    pub async fn points(&self, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let answer = host().get(&format!("/{}", self.id)).send().await.expect(200);
            let points = answer.json().as_array().cloned().unwrap_or_default();
            if points.len() >= count {
                return points;
            }
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "not {count} points\n{answer}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it has logged; waits until the line of the request with this id is among it.
    pub async fn log(&self, request_id: &str) -> String {
        let began = Instant::now();
        loop {
            let answer = host().get(&format!("/{}/log", self.id)).send().await.expect(200);
            let log = answer.text_at("/log");
            if log.contains(request_id) {
                return log;
            }
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "no {request_id}\n{log}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it, and with it its isolate and all that the isolate remembers.
    pub async fn end(self) {
        host()
            .call("DELETE", &format!("/{}", self.id))
            .send()
            .await
            .expect(204);
    }
}

/// The call under other variables than the edge was started with, as when Cloudflare deploys variables alone to a running isolate. For a
/// [`Wanted::changeable`] edge.
pub fn under(call: Call, variables: &Value) -> Call {
    call.header("x-test-env", &variables.to_string())
}

fn host() -> Api {
    Api::at(&stack::variable("E2E_EDGES"))
}
