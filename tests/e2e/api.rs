//! Calls of one service.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::answer::Answer;

/// A service by its address. Cheap to clone; calls of clones share connections.
#[derive(Debug, Clone)]
pub struct Api {
    pub base: String,
    client: reqwest::Client,
}

/// A call that is not sent yet.
pub struct Call {
    request: reqwest::RequestBuilder,
    shown: String,
}

impl Api {
    pub fn at(base: &str) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(30))
            // The Workers runtime closes idle connections after five seconds, perhaps just as one is used again.
            .pool_idle_timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        Self {
            base: base.to_owned(),
            client,
        }
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn call(&self, method: &str, path: &str) -> Call {
        let url = format!("{}{path}", self.base);
        Call {
            shown: format!("{method} {url}"),
            request: self.client.request(method.parse().unwrap(), url),
        }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call("POST", path).json(body)
    }

    /// `GET /v1/auth/me`: the holder of a token.
    pub async fn me(&self, token: &str) -> Answer {
        self.get("/v1/auth/me").bearer(token).send().await
    }
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.shown, "\n{name}: {value}");
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let start: String = String::from_utf8_lossy(&body).chars().take(500).collect();
        let _ = write!(self.shown, "\n\n{start} ({} bytes)", body.len());
        self.request = self.request.body(body);
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let shown = self.shown;
        let silent = |error: reqwest::Error| -> ! { panic!("no answer: {error:?}\n{shown}") };
        let response = self.request.send().await.unwrap_or_else(|error| silent(error));
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect();
        let text = response.text().await.unwrap_or_else(|error| silent(error));
        Answer {
            request: shown,
            status,
            headers,
            text,
        }
    }
}
