//! Checks the server that shares the replicas' counters, if one is configured.

use limits::RedisUrl;

use super::finding::Finding;

/// Whether Redis answers from here. The service works without it: no answer is a warning.
pub(super) async fn look(url: Option<&RedisUrl>) -> Option<Finding> {
    let finding = match limits::round_trip(url?).await {
        Some(took) => Finding::ok("redis", format!("answers in {} ms", took.as_millis())),
        None => Finding::warning("redis", "no answer: each replica counts limits for itself"),
    };
    Some(finding)
}
