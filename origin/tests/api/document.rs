//! The OpenAPI document against the router it describes.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use crate::support::{TestApp, send};

/// Every mounted path with its methods, asked of the router itself: its debug text names the paths, and a method that does not
/// exist is answered with those that do.
async fn mounted(app: &TestApp) -> BTreeMap<String, BTreeSet<String>> {
    let text = format!("{:?}", origin::http::router(app.app.clone()));
    let paths: BTreeSet<&str> = text
        .split('"')
        .filter(|piece| {
            piece.starts_with('/') && !piece.contains(char::is_whitespace) && !piece.contains("{*")
        })
        .collect();
    let mut found = BTreeMap::new();
    for path in paths {
        let method = Method::from_bytes(b"NOSUCH").unwrap();
        let url = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
        let answer = send(app.request(method.as_str(), &url)).await;
        if answer.status == 404 {
            // A word of axum's own about its fallback, not a route.
            continue;
        }
        let answer = answer.expect(405);
        let allow = answer.header("allow").unwrap_or_default();
        // `HEAD` comes with `GET`.
        let methods = allow.split(',').filter(|method| *method != "HEAD");
        found.insert(path.to_owned(), methods.map(str::to_owned).collect());
    }
    assert!(
        found.len() > 30,
        "the router's debug text names its paths no more: {text}"
    );
    found
}

fn documented(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        item.as_object()
            .unwrap()
            .keys()
            .map(|key| key.to_uppercase())
            .collect()
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

#[tokio::test]
async fn what_is_mounted_is_documented_and_the_reverse() {
    let app = TestApp::start().await;
    let answer = send(app.request("GET", "/openapi.json")).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body["openapi"], "3.1.0");
    assert_eq!(mounted(&app).await, documented(&answer.body));
}

#[tokio::test]
async fn the_page_needs_no_network() {
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
async fn an_id_that_is_no_text_is_refused_like_any_other() {
    let app = TestApp::start().await;
    let request = app
        .request("GET", "/v1/users/%FF")
        .header("x-service-key", crate::support::ADMIN_KEY);
    let answer = send(request).await;
    assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR"));
}
