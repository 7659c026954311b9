//! A legacy token is void in the legacy contract too, once its holder is deactivated at v2.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stack;
use crate::users::{deactivate, register_with_legacy};

/// The time within which a deactivated user is refused everywhere (docs/VERIFICATION.md), and what a busy machine may add.
const OUT_WITHIN: Duration = Duration::from_secs(12);

#[tokio::test]
async fn deactivated_user_is_refused_on_the_legacy_side_within_ten_seconds() {
    let edge = stack::edge();
    let (_, registered) = register_with_legacy().await;
    let (id, token) = (
        registered.text_at("/data/user/id"),
        registered.text_at("/data/token"),
    );
    edge.get("/auth/profile")
        .bearer(&token)
        .send()
        .await
        .expect(200)
        .came_from("legacy", "token_issuer");
    deactivate(&id).await;
    let out_since = Instant::now();
    loop {
        let answer = edge.get("/auth/profile").bearer(&token).send().await;
        if answer.status == 403 {
            answer.refused(403, "USER_DISABLED");
            break;
        }
        assert!(out_since.elapsed() < OUT_WITHIN, "still served");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    edge.post("/auth/verify-token", &json!({ "token": token }))
        .send()
        .await
        .expect(200)
        .came_from("v2", "token_void")
        .has("/data/valid", false);
}
