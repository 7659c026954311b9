//! What the edge writes to Analytics Engine. Columns have numbers there; docs/LOGGING.md gives them names.

use serde_json::{Value, json};

use crate::api::Api;
use crate::edges::edge;
use crate::users::{id_token, register_with_legacy, stranger};

/// `blob1`, `blob2`, … of a point.
fn blob(point: &Value, number: usize) -> &str {
    point["blobs"][number - 1].as_str().unwrap_or("not a text")
}

/// `double1`, `double2`, …
fn double(point: &Value, number: usize) -> f64 {
    point["doubles"][number - 1].as_f64().unwrap()
}

fn number(point: &Value) -> String {
    let route = blob(point, 1);
    format!("{route} {} {} {}", blob(point, 2), blob(point, 6), blob(point, 7))
}

#[tokio::test]
async fn every_request_is_one_point_without_the_user() {
    let edge = edge().with("ROLLOUT_PERCENT", "0").counted().start().await;
    let (user, registered) = register_with_legacy().await;
    let newcomer = stranger();
    let token = id_token(&newcomer).mint();
    edge.api.post("/auth/login", &user).send().await.expect(200);
    edge.points(1).await;
    edge.api.me(&token).await.expect(200);
    edge.points(2).await;
    edge.api.me("not.a.token").await.expect(401);
    edge.points(3).await;
    edge.api
        .get("/api/nobody/ada@example.com")
        .send()
        .await
        .expect(404);
    let points = edge.points(4).await;

    let told: Vec<String> = points.iter().map(number).collect();
    assert_eq!(
        told,
        [
            "legacy not_in_cohort POST /auth/login",
            "v2 new_contract GET /v1/auth/me",
            &format!("edge {} GET /v1/auth/me", blob(&points[2], 2)),
            "edge not_found GET ",
        ]
    );
    for (point, status) in points.iter().zip([200.0, 200.0, 401.0, 404.0]) {
        assert_eq!(double(point, 1), status, "{point}");
        assert_eq!(point["indexes"], json!([blob(point, 2)]), "{point}");
        assert_eq!(double(point, 8), 0.0, "the percentage\n{point}");
        assert_eq!(double(point, 7), 0.0, "stepped down\n{point}");
    }
    assert_eq!(blob(&points[1], 4), "firebase");
    assert_eq!(blob(&points[2], 5), "TOKEN_MALFORMED");
    assert!((0.0..100.0).contains(&double(&points[0], 3)), "{}", points[0]);
    assert!(double(&points[1], 4) >= 0.0, "the age of the keys\n{}", points[1]);
    assert_eq!(double(&points[1], 3), -1.0, "no bucket decided\n{}", points[1]);

    let text = json!(points).to_string();
    let id = registered.text_at("/data/user/id");
    let secrets = [
        token.as_str(),
        &newcomer.uid,
        newcomer.email.as_deref().unwrap(),
        &id,
        "ada",
        "example.com",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
    edge.end().await;
}

#[tokio::test]
async fn failing_dataset_changes_no_answer() {
    async fn answers(edge: &Api) {
        for _ in 0..3 {
            edge.get("/livez").send().await.expect(200);
            edge.me(&id_token(&stranger()).mint()).await.expect(200);
        }
    }
    // A namespace knows no `writeDataPoint`: every call throws.
    let broken = edge().bound("kvNamespaces", json!(["TELEMETRY"])).start().await;
    answers(&broken.api).await;
    broken.end().await;
    let dataset = json!({ "TELEMETRY": { "dataset": "crossfade_edge_test" } });
    let real = edge().bound("analyticsEngineDatasets", dataset).start().await;
    answers(&real.api).await;
    real.end().await;
}
