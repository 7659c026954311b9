//! A deployment that finds the autopilot's state in the shape of another version.

use serde_json::{Value, json};

use super::{ADMIN, rollout};
use crate::edges::edge;
use crate::puppet::Puppet;

/// A state with evidence of another version.
fn kept(rolled_back: Option<u64>) -> String {
    let state = json!({
        "percent": 5_000, "since": 1_800_000_000, "outage": null, "unexplained": 0, "rolled_back": rolled_back,
        "step": { "watched": [{ "name": "failures", "guardrail": "of another version" }] },
    });
    state.to_string()
}

#[tokio::test]
async fn deployment_neither_stops_a_rollout_nor_forgets_a_roll_back() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let mut edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "50")
        .with("ROLLOUT_AUTOPILOT", "50,100; session_seconds=0")
        .with("INTERNAL_SERVICE_KEYS", &format!("ops:{ADMIN}:admin"))
        .watched()
        .changeable()
        .start()
        .await;
    let rolled_back = json!([{ "outcome": "roll_back", "version": 1, "of": "another version" }]);
    for (state, evidence, waits) in [
        (kept(None), Value::Null, false),
        (kept(Some(1)), Value::Null, true),
        ("unreadable".to_owned(), Value::Null, false),
        ("unreadable".to_owned(), rolled_back, true),
    ] {
        let evidence = if evidence.is_null() {
            String::new()
        } else {
            evidence.to_string()
        };
        edge.api
            .get("/livez")
            .header(
                "x-test-kept",
                &json!({ "autopilot": state, "evidence": evidence }).to_string(),
            )
            .send()
            .await
            .expect(204);
        edge = edge.restart().await;
        let shown = rollout(&edge.api).await;
        assert_eq!(shown["effective"]["percent"], "50", "{shown:#}");
        assert_eq!(shown["autopilot"]["waits_for_go"], waits, "{state} {shown:#}");
        assert_eq!(
            shown["autopilot"]["readings"][0]["v2"]["requests"], 0,
            "{shown:#}"
        );
    }
    edge.end().await;
}
