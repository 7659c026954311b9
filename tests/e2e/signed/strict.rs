//! Strict routes of app services refuse a user who was deactivated a second ago at once, and other routes within ten seconds.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::recorder::Recorder;

use crate::edges::{self, Wanted};
use crate::puppet::Puppet;
use crate::users::{deactivate_holder, id_token, new_token, stranger};

/// The time within which a deactivated user is refused everywhere (docs/VERIFICATION.md), and what a busy machine may add.
const OUT_WITHIN: Duration = Duration::from_secs(12);

fn in_front_of(recorder: &Recorder) -> Wanted {
    let upstreams = json!([{
        "name": "shop", "prefix": "/api/shop", "url": recorder.url, "auth": "required", "strict": ["/api/shop/payments"],
    }]);
    edges::edge().with("UPSTREAMS", &upstreams.to_string())
}

#[tokio::test]
async fn strict_route_refuses_a_deactivated_user_at_once() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).start().await;
    let token = id_token(&stranger()).mint();
    let get = |path: &'static str| edge.api.get(path).bearer(&token).send();
    for path in ["/api/shop/cart", "/api/shop/payments", "/api/shop/cart"] {
        get(path).await.expect(200);
    }
    deactivate_holder(&token).await;
    let out_since = Instant::now();
    // Another spelling does not avoid the strict route.
    for path in [
        "/api/shop/%70ayments",
        "/api/shop/payments",
        "/api/shop//payments",
    ] {
        get(path).await.refused(403, "USER_DISABLED");
    }
    edge.end().await;
    assert!(out_since.elapsed() < OUT_WITHIN);
}

#[tokio::test]
async fn other_routes_refuse_a_deactivated_user_within_ten_seconds() {
    let recorder = Recorder::start().await.unwrap();
    let edge = in_front_of(&recorder).start().await;
    let token = id_token(&stranger()).mint();
    edge.api
        .get("/api/shop/cart")
        .bearer(&token)
        .send()
        .await
        .expect(200);
    deactivate_holder(&token).await;
    let out_since = Instant::now();
    loop {
        let answer = edge.api.get("/api/shop/cart").bearer(&token).send().await;
        if answer.status == 403 {
            answer.refused(403, "USER_DISABLED");
            break;
        }
        answer.expect(200);
        assert!(out_since.elapsed() < OUT_WITHIN, "still served");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    edge.end().await;
}

#[tokio::test]
async fn strict_route_lets_nobody_pass_without_the_origin() {
    let recorder = Recorder::start().await.unwrap();
    let origin = Puppet::start().await;
    origin.knows(json!({ "id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "user_type": "user", "email": null }));
    let edge = in_front_of(&recorder)
        .with("ORIGIN_URL", &origin.url)
        .start()
        .await;
    let token = new_token();
    let get = |path: &'static str| edge.api.get(path).bearer(&token).send();
    get("/api/shop/payments").await.expect(200);
    origin.answers(500);
    get("/api/shop/cart").await.expect(200);
    let refused = get("/api/shop/payments")
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    assert!(refused.header("retry-after").is_some(), "Retry-After\n{refused}");
    drop(origin);
    get("/api/shop/payments")
        .await
        .refused(503, "UPSTREAM_UNAVAILABLE");
    edge.end().await;
}
