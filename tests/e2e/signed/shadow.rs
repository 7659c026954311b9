//! Shadow reads: after legacy has answered, the edge asks v2 the same, and reports only the difference.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::Api;
use crate::edges::edge;
use crate::puppet::Puppet;
use crate::users::legacy_draft;

/// Waits until the edge has counted `wanted` shadow reads.
async fn counted(edge: &Api, wanted: u64) -> Value {
    let began = Instant::now();
    loop {
        let counts = edge.get("/readyz").send().await.expect(200).at("/shadow_reads");
        let sum: u64 = ["same", "different", "unanswered"]
            .iter()
            .filter_map(|outcome| counts[*outcome].as_u64())
            .sum();
        if sum >= wanted {
            return counts;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{counts}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn reads_are_repeated_at_v2_and_compared_and_writes_are_not() {
    let (v2, legacy) = (Puppet::start().await, Puppet::start().await);
    let edge = edge()
        .between(&v2, &legacy)
        .with("ROLLOUT_PERCENT", "0")
        .with("SHADOW_PERCENT", "100")
        .start()
        .await;
    let token = legacy_draft().mint();
    let profile = |method: &str| edge.api.call(method, "/auth/profile").bearer(&token);
    legacy.knows(json!({ "id": "1", "token_balance": 3 }));
    v2.knows(json!({ "id": "1", "token_balance": 3, "photo_url": null }));

    profile("GET")
        .send()
        .await
        .expect(200)
        .came_from("legacy", "token_issuer");
    counted(&edge.api, 1).await;
    edge.api
        .post("/auth/verify-token", &json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .came_from("legacy", "token_issuer");
    assert_eq!(
        counted(&edge.api, 2).await,
        json!({ "same": 2, "different": 0, "unanswered": 0 })
    );

    v2.knows(json!({ "id": "1", "token_balance": 4 }));
    profile("PUT").json(&json!({})).send().await.expect(200);
    profile("DELETE").send().await.expect(200);
    edge.api
        .post(
            "/auth/login",
            &json!({ "email": "ann@example.com", "password": "x" }),
        )
        .send()
        .await
        .expect(200);
    // The caller gets legacy's answer, whatever v2 would have said.
    profile("GET")
        .send()
        .await
        .expect(200)
        .has("/data/user/token_balance", 3);
    assert_eq!(
        counted(&edge.api, 3).await,
        json!({ "same": 2, "different": 1, "unanswered": 0 })
    );
    v2.answers(500);
    profile("GET").send().await.expect(200);
    assert_eq!(counted(&edge.api, 4).await["different"], 2);
    // The edge also asks v2 whether the holder of a legacy token may still act.
    let mut repeated = v2.asked();
    repeated.retain(|asked| asked.contains(" /auth/"));
    assert_eq!(
        repeated,
        [
            "GET /auth/profile",
            "POST /auth/verify-token",
            "GET /auth/profile",
            "GET /auth/profile"
        ]
    );
    edge.end().await;
}
