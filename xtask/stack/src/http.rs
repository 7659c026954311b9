//! A small HTTP client: any status is an answer, only silence is an error.

use std::time::Duration;

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// `GET`, with headers.
pub fn get(url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
    Client::new(PATIENCE).get(url, headers)
}

/// Whether `url` answers 200 within `patience`.
pub fn answers(url: &str, patience: Duration) -> bool {
    Client::new(patience)
        .get(url, &[])
        .is_ok_and(|answer| answer.status == 200)
}

/// `POST` of JSON, with headers.
pub fn post(url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, String> {
    Client::new(PATIENCE).post(url, headers, body)
}

/// Calls over connections that are kept between them.
#[derive(Debug)]
pub struct Client(ureq::Agent);

impl Client {
    /// A call is given up after `patience`.
    pub fn new(patience: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(patience))
            .proxy(None)
            .build();
        Self(config.into())
    }

    /// `GET`, with headers.
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }

    /// `POST` of JSON, with headers.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, String> {
        send(self.0.post(url), headers, body)
    }

    /// `PUT` of JSON, with headers.
    pub fn put(&self, url: &str, headers: &[(&str, &str)], body: &Value) -> Result<Answer, String> {
        send(self.0.put(url), headers, body)
    }
}

fn send(
    mut request: ureq::RequestBuilder<ureq::typestate::WithBody>,
    headers: &[(&str, &str)],
    body: &Value,
) -> Result<Answer, String> {
    request = request.header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.send(body.to_string()))
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut response = result.map_err(|error| error.to_string())?;
    let text = response
        .body_mut()
        .read_to_string()
        .map_err(|error| error.to_string())?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text,
    })
}
