//! Health, the root, unknown routes, and the headers of every answer.

use serde_json::{Value, json};

use crate::support::{Stand, members, refused};

#[test]
fn database_decides_health() {
    let stand = Stand::start();
    let well = stand.get("/health", None);
    assert_eq!((well.status, &well.body["status"]), (200, &json!("healthy")));
    assert_eq!(
        members(&well.body),
        "environment responseTime services status system timestamp uptime version"
    );
    assert_eq!(members(&well.body["services"]), "cache database userCache");
    assert_eq!(stand.get("/health/ready", None).body["status"], "ready");
    assert_eq!(members(&stand.get("/health/live", None).body), "status uptime");
    assert!(
        matches!(stand.get("/health/metrics", None).body, Value::String(text) if text.starts_with("# TYPE"))
    );
    assert_eq!(
        members(&stand.get("/", None).body),
        "message success timestamp version"
    );
    stand.lose_database();
    let ill = stand.get("/health", None);
    assert_eq!((ill.status, &ill.body["status"]), (503, &json!("unhealthy")));
    assert_eq!(stand.get("/health/live", None).status, 200);
}

#[test]
fn every_answer_has_a_name_and_any_page_may_read_it() {
    let stand = Stand::start();
    let headers = [("origin", "https://anybody.example".to_owned())];
    for (method, path) in [("GET", "/nowhere?x=1"), ("PATCH", "/auth/profile")] {
        let answer = stand.call(method, path, &headers, &json!({}));
        refused(&answer, 404, "NOT_FOUND");
        assert_eq!(
            answer.body["error"]["message"],
            format!("Route {method} {path} not found")
        );
        assert_eq!(answer.headers["x-request-id"].len(), 36);
        assert_eq!(
            answer.headers["access-control-allow-origin"],
            "https://anybody.example"
        );
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
    }
    let preflight = stand.call("OPTIONS", "/auth/login", &headers, &Value::Null);
    assert_eq!(preflight.status, 204);
}
