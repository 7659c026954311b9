//! Checks the edge: it answers, and has the same configuration as the origin.

use serde::Deserialize as _;
use serde_json::Value;
use shared::headers;
use shared::token::Accepted;

use super::finding::Finding;
use super::outside::silence;
use crate::config::Config;

/// More than the edge's longest report about itself.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

pub(super) async fn look(config: &Config, edge: Option<&str>, key: &str) -> Vec<Finding> {
    let Some(edge) = edge else { return Vec::new() };
    let shown = match ask(edge, key).await {
        Ok(shown) => shown,
        Err(why) => return vec![Finding::wrong("edge", why)],
    };
    let Some(accepts) = shown.get("accepts").and_then(|it| Accepted::deserialize(it).ok()) else {
        return vec![Finding::wrong(
            "edge",
            "does not say what it accepts: an older version?",
        )];
    };
    let ours = Accepted::of(&config.tokens, config.assertion_keys.kids());
    let differences = accepts.differences(&ours);
    vec![if differences.is_empty() {
        Finding::ok("edge", "was told the same as this origin")
    } else {
        Finding::wrong("edge", format!("was told otherwise: {}", differences.join(", ")))
    }]
}

async fn ask(edge: &str, key: &str) -> Result<Value, String> {
    if key.is_empty() {
        return Err("was not asked: ADMIN_SERVICE_KEY is not set".to_owned());
    }
    let client = http_client::client().map_err(|error| error.to_string())?;
    let url = format!("{}/readyz?verbose", edge.trim_end_matches('/'));
    let request = client.get(url).header(headers::SERVICE_KEY, key);
    let mut answer = request.send().await.map_err(|error| silence(&error))?;
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER_BYTES {
            return Err("sends too much".to_owned());
        }
    }
    let shown: Value = serde_json::from_slice(&body).map_err(|_| "does not answer JSON".to_owned())?;
    if shown.get("configuration").is_none() {
        return Err(
            "shows nothing: ADMIN_SERVICE_KEY is not the key of a service that may administer".to_owned(),
        );
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn edge_that_cannot_be_asked_is_said_with_the_reason() {
        // Port 9 (discard): nothing listens there.
        let nowhere = "http://127.0.0.1:9";
        assert_eq!(ask(nowhere, "key").await.unwrap_err(), "unreachable");
        assert!(ask(nowhere, "").await.unwrap_err().contains("not set"));
    }
}
