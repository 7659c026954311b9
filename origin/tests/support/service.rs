//! The real program as a serving process of its own.
// Each test binary takes what it needs.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::program;
use crate::wait::{signal, until};

/// The key of a service that may administer.
const SERVICE_KEY: &str = "stress-key-0123456789-0123456789-abcd";

/// `origin serve` on a free port; dropping the value ends it.
pub struct Service {
    child: Child,
    caller: Caller,
    log: Log,
}

type Log = Arc<Mutex<Vec<Value>>>;

/// Sends requests; it may outlive the service.
#[derive(Clone)]
pub struct Caller {
    base: String,
    client: reqwest::Client,
}

/// An answer, and how long it took.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<u32>,
    pub body: Value,
    pub took: Duration,
}

impl Answer {
    /// The stable code of a failure, else nothing.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Fails unless it says that the database is unavailable.
    #[track_caller]
    pub fn assert_unavailable(&self) {
        assert_eq!(
            (self.status, self.code()),
            (503, "DATABASE_UNAVAILABLE"),
            "{self:?}"
        );
        assert!(self.retry_after.is_some_and(|seconds| seconds > 0), "{self:?}");
    }
}

impl Service {
    /// Starts it against the database at `url`, with some variables changed, and waits until it listens.
    pub async fn start(url: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_with(&["serve"], url, variables).await
    }

    /// The same, with more than `serve` on its command line.
    pub async fn start_with(arguments: &[&str], url: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = command(arguments, url, variables);
        command.stdout(Stdio::piped());
        let (child, address, log) = tokio::task::spawn_blocking(move || spawn(&mut command))
            .await
            .unwrap();
        // Plain HTTP to this machine, but the client requires a TLS library.
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
        let caller = Caller {
            base: format!("http://{address}"),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        Self { child, caller, log }
    }

    /// Starts one that must refuse: its exit code and its whole output.
    pub async fn refused(url: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        Self::told(&["serve"], url, variables).await
    }

    /// The result of the program with these arguments: its exit code and its whole output.
    pub async fn told(arguments: &[&str], url: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = command(arguments, url, variables);
        let ended = tokio::task::spawn_blocking(move || command.stderr(Stdio::piped()).output())
            .await
            .unwrap()
            .unwrap();
        let told = [ended.stdout, ended.stderr].concat();
        (ended.status.code(), String::from_utf8_lossy(&told).into_owned())
    }

    /// The port where it listens, on this machine alone.
    pub fn port(&self) -> &str {
        self.caller.base.rsplit(':').next().unwrap_or_default()
    }

    /// A sender that outlives the service.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// `SIGTERM`.
    pub fn terminate(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Its exit code, once it has ended.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        until("the program ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.and_then(|status| status.code())
    }

    /// The lines of its log so far that carry `message`.
    pub fn logged(&self, message: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter(|line| line["message"] == message)
            .cloned()
            .collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn command(arguments: &[&str], url: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = program::origin();
    command
        .args(arguments)
        .envs([
            ("DATABASE_URL", url),
            ("PORT", "0"),
            ("HOST", "127.0.0.1"),
            ("FIREBASE_PROJECT_ID", "demo-stress"),
            (
                "ORIGIN_ASSERTION_KEYS",
                "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            ),
            ("INTERNAL_SERVICE_KEYS", &format!("stress:{SERVICE_KEY}:admin")),
            ("LOG_LEVEL", "debug"),
            ("LOG_FORMAT", "json"),
        ])
        .envs(variables.iter().copied())
        .current_dir(std::env::temp_dir());
    command
}

fn spawn(command: &mut Command) -> (Child, String, Log) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let address = lines
        .by_ref()
        .find(|line| line["message"] == "listening")
        .and_then(|line| line["address"].as_str().map(str::to_owned))
        .expect("the program ended before it listened");
    let log = Log::default();
    let kept = Arc::clone(&log);
    std::thread::spawn(move || lines.for_each(|line| kept.lock().unwrap().push(line)));
    (child, address, log)
}

impl Caller {
    /// The row of `user`: one statement on `auth.users`.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn show(&self, user: Uuid) -> reqwest::Result<Answer> {
        self.send(self.client.get(format!("{}/v1/users/{user}", self.base)))
            .await
    }

    /// Gives `user` a token, under `key`.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn credit(&self, user: Uuid, key: &str) -> reqwest::Result<Answer> {
        let request = self
            .client
            .post(format!("{}/v1/users/{user}/tokens/credit", self.base))
            .header("idempotency-key", key)
            .header("content-type", "application/json")
            .body(json!({"amount": 1, "reason": "stress"}).to_string());
        self.send(request).await
    }

    /// `POST /v1/auth/login`.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn log_in(&self, email: &str, password: &str) -> reqwest::Result<Answer> {
        let request = self
            .client
            .post(format!("{}/v1/auth/login", self.base))
            .header("content-type", "application/json")
            .body(json!({"email": email, "password": password}).to_string());
        self.send(request).await
    }

    /// `GET path`.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn get(&self, path: &str) -> reqwest::Result<Answer> {
        self.send(self.client.get(format!("{}{path}", self.base))).await
    }

    /// The value of `name{labels}` in `/metrics`; 0 if it is missing.
    pub async fn metric(&self, series: &str) -> u64 {
        let answer = self
            .client
            .get(format!("{}/metrics", self.base))
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
            .unwrap_or(0)
    }

    /// A request with `token` and no body.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn send_as(&self, method: &str, path: &str, token: &str) -> reqwest::Result<Answer> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{path}", self.base));
        self.send(request.bearer_auth(token)).await
    }

    /// `GET /v1/auth/me` with `token`; `now` for the current state.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn me(&self, token: &str, now: bool) -> reqwest::Result<Answer> {
        let request = self
            .client
            .get(format!("{}/v1/auth/me", self.base))
            .bearer_auth(token);
        self.send(if now {
            request.header("cache-control", "no-cache")
        } else {
            request
        })
        .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let started = Instant::now();
        let response = request.header("x-service-key", SERVICE_KEY).send().await?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Answer {
            status,
            retry_after,
            body,
            took: started.elapsed(),
        })
    }
}
