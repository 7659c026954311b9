//! The OpenAPI document and its page, as they are served.

use crate::support::{TestApp, send};

#[tokio::test]
async fn document_is_served_with_every_group_of_routes() {
    let app = TestApp::start().await;
    let answer = send(app.request("GET", "/openapi.json")).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body["openapi"], "3.1.0");
    for path in [
        "/v1/auth/me",
        "/v1/users/{id}/tokens/credit",
        "/auth/login",
        "/readyz",
    ] {
        assert!(answer.body["paths"][path].is_object(), "{path}");
    }
}

#[tokio::test]
async fn document_page_needs_no_network() {
    let app = TestApp::start().await;
    let page = app.request("GET", "/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(text.contains("fetch('openapi.json')"));
    for foreign in ["http://", "https://", "//cdn", "@import", " src="] {
        assert!(!text.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn id_that_is_not_text_is_refused_as_invalid() {
    let app = TestApp::start().await;
    let request = app
        .request("GET", "/v1/users/%FF")
        .header("x-service-key", crate::support::ADMIN_KEY);
    let answer = send(request).await;
    assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"));
}
