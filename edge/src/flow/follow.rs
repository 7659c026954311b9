//! Follows the users with a changed access, so that the edge need not ask the origin about every user again and again.

use shared::api::changes::{Changes, PATH};
use shared::assertion::FEED_AUDIENCE;
use shared::headers;

use super::Journey;
use super::send::Statement;
use crate::changes::HeaderChanges;
use crate::ports::{Ask, KeySource, SignatureEngine, Upstreams};

/// How long the answer may take, in milliseconds: one request in a few seconds waits for it.
const TIMEOUT_MS: u32 = 1_000;

#[derive(serde::Deserialize)]
struct Answer {
    data: Changes,
}

impl<K, E, U> Journey<'_, '_, K, E, U>
where
    E: SignatureEngine,
    K: KeySource<Key = E::Key>,
    U: Upstreams,
{
    /// Asks the origin for changes if it is time. Without an answer records count for a shorter time.
    pub(super) async fn follow_changes(&self) {
        let due = self.gateway.users.borrow_mut().due(self.now);
        let Some(due) = due else { return };
        if let Some(changes) = self.changes_since(due.since.as_deref()).await {
            self.gateway.users.borrow_mut().follow(changes, self.now);
        }
    }

    async fn changes_since(&self, since: Option<&str>) -> Option<Changes> {
        // Numbers with dots between. The origin gave this text out; the check does not rely on that.
        let query = since
            .filter(|since| since.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            .map_or_else(String::new, |since| format!("?since={since}"));
        let target = self.gateway.config.origin.target(PATH, &query);
        let mut changes = HeaderChanges::new();
        changes.set(headers::REQUEST_ID, self.trace.request_id.as_str());
        changes.set(headers::TRACEPARENT, &self.trace.traceparent);
        let statement = Statement {
            audience: FEED_AUDIENCE,
            method: "GET",
            target: &target,
            caller: None,
            user: None,
        };
        self.vouch(&mut changes, &statement).ok()?;
        let ask = Ask {
            method: "GET",
            url: target.url(),
            headers: &changes,
            body: "",
            timeout_ms: TIMEOUT_MS.min(self.gateway.config.timeout_ms),
        };
        let (status, body) = self.upstreams.ask(&ask).await.ok()?;
        if status != 200 {
            return None;
        }
        serde_json::from_slice::<Answer>(&body)
            .ok()
            .map(|answer| answer.data)
    }
}
