//! The real program as a process of its own, which tests can kill.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;
use shared::ids::UserId;

use crate::program;

/// The service key of the test's own service.
pub const SERVICE_KEY: &str = "test-service-key-0123456789-0123456789";

/// `origin serve` on a free port.
pub struct Process {
    child: Child,
    address: String,
    client: reqwest::Client,
}

/// The answer to a movement.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub replayed: bool,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Process {
    /// Starts the program against the database at `url` and waits until it listens.
    pub async fn start(url: &str) -> Self {
        let url = url.to_owned();
        let (child, address) = tokio::task::spawn_blocking(move || spawn(&url)).await.unwrap();
        // Plain HTTP to this machine, but the client requires a TLS library.
        let _already_chosen = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            child,
            address,
            client,
        }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A sender that outlives the process.
    pub fn sender(&self) -> Sender {
        Sender {
            address: self.address.clone(),
            client: self.client.clone(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has been killed already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn spawn(url: &str) -> (Child, String) {
    let mut child = program::origin()
        .arg("serve")
        .envs([
            ("DATABASE_URL", url),
            ("PORT", "0"),
            ("HOST", "127.0.0.1"),
            ("DB_POOL_MAX", "16"),
            ("DB_POOL_ACQUIRE_MS", "20000"),
            ("FIREBASE_PROJECT_ID", "demo-ledger"),
            (
                "ORIGIN_ASSERTION_KEYS",
                "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
            ),
            ("INTERNAL_SERVICE_KEYS", &format!("test:{SERVICE_KEY}")),
            ("LOG_LEVEL", "info"),
            ("LOG_FORMAT", "json"),
        ])
        .current_dir(std::env::temp_dir())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
        .find(|line| line["message"] == "listening")
        .and_then(|line| line["address"].as_str().map(str::to_owned))
        .expect("the program ended before it listened");
    // A full pipe would stop the program: its log is read and dropped.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

/// Runs `origin` with `arguments` against the database at `url`; answers the exit code and what it printed.
pub async fn run(url: &str, arguments: &[&str]) -> (i32, String) {
    let mut command = program::origin();
    command
        .args(arguments)
        .env("DATABASE_URL", url)
        .current_dir(std::env::temp_dir());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout).unwrap(),
    )
}

/// Sends requests of the test's service.
#[derive(Clone)]
pub struct Sender {
    address: String,
    client: reqwest::Client,
}

impl Sender {
    /// POSTs `body` under `key`; `None` when the connection broke before an answer came.
    pub async fn post(&self, path: &str, key: Option<&str>, body: Option<Value>) -> Option<Answer> {
        let mut request = self
            .client
            .post(format!("http://{}{path}", self.address))
            .header("x-service-key", SERVICE_KEY);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let body = response.bytes().await.ok()?;
        Some(Answer {
            status,
            replayed,
            body: serde_json::from_slice(&body).ok()?,
        })
    }

    /// Credits `user`.
    pub async fn credit(&self, user: UserId, amount: i64, key: &str) -> Option<Answer> {
        self.post(
            &format!("/v1/users/{user}/tokens/credit"),
            Some(key),
            Some(serde_json::json!({ "amount": amount, "reason": "test" })),
        )
        .await
    }

    /// Debits `user`.
    pub async fn debit(&self, user: UserId, amount: i64, key: &str) -> Option<Answer> {
        self.post(
            &format!("/v1/users/{user}/tokens/debit"),
            Some(key),
            Some(serde_json::json!({ "amount": amount, "reason": "test" })),
        )
        .await
    }

    /// POSTs to `path` with these service keys, an otherwise good request.
    pub async fn with_service_keys(&self, keys: &[&str], path: &str) -> Answer {
        let mut request = self
            .client
            .post(format!("http://{}{path}", self.address))
            .header("idempotency-key", "k");
        for key in keys {
            request = request.header("x-service-key", *key);
        }
        let request = request
            .header("content-type", "application/json")
            .body(r#"{"amount":1,"reason":"r"}"#);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        Answer {
            status,
            replayed: false,
            body,
        }
    }
}
