//! `origin serve` and `origin healthcheck`: a start as a supervisor sees it.

use std::net::TcpListener;

use testkit::key_server::KeyServer;

use crate::database::TestDatabase;
use crate::service::Service;
use crate::support::{origin, url, with};
use crate::wait::until;

const CONFIGURATION: [(&str, &str); 3] = [
    ("HOST", "127.0.0.1"),
    ("FIREBASE_PROJECT_ID", "demo-serve"),
    (
        "ORIGIN_ASSERTION_KEYS",
        "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
    ),
];

#[tokio::test]
async fn service_is_ready_once_its_schema_is_there() {
    let database = TestDatabase::empty().await;
    let keys = KeyServer::start().await.unwrap();
    let issuer = keys.url();
    let variables = [
        ("ENVIRONMENT", "development"),
        ("FIREBASE_JWKS_URL", issuer.as_str()),
    ];
    let mut early = Service::start(&url(&database), &variables).await;
    let port = early.port().to_owned();
    let healthcheck = async || origin("healthcheck", &[("HOST", "127.0.0.1"), ("PORT", &port)]).await;

    healthcheck()
        .await
        .expect(1)
        .complains(&["not ready: HTTP/1.1 503 Service Unavailable"]);
    with(&database, "migrate up").await.expect(0);
    until("it is ready", async || healthcheck().await.code == 0).await;

    early.terminate();
    assert_eq!(early.ended().await, Some(0));
    healthcheck().await.expect(1).complains(&["no answer: "]);
}

#[tokio::test]
async fn service_may_bring_the_schema_up_itself() {
    let database = TestDatabase::legacy_with_users().await;
    let keys = KeyServer::start().await.unwrap();
    let issuer = keys.url();
    let variables = [
        ("ENVIRONMENT", "development"),
        ("FIREBASE_JWKS_URL", issuer.as_str()),
    ];
    let service = Service::start_with(&["serve", "--migrate"], &url(&database), &variables).await;
    with(&database, "migrate status").await.expect(0);
    // From a container that serves on every address.
    let everywhere = [("HOST", "0.0.0.0"), ("PORT", service.port())];
    until("it is ready", async || {
        origin("healthcheck", &everywhere).await.code == 0
    })
    .await;
}

#[tokio::test]
async fn impossible_start_logs_its_cause_and_exits_1() {
    let database = TestDatabase::current().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let address = url(&database);
    let here = [("DATABASE_URL", address.as_str()), ("PORT", port.as_str())];
    origin("serve", &[&CONFIGURATION[..], &here].concat())
        .await
        .expect(1)
        .says(&["cannot serve", "Address already in use"]);

    let nowhere = [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing"),
        ("PORT", "0"),
    ];
    origin("serve --migrate", &[&CONFIGURATION[..], &nowhere].concat())
        .await
        .expect(1)
        .says(&["the schema could not be brought up", "Connection refused"]);
}
