//! `GET /v1/changes`: users with a changed account status.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::assertion::{Assertion, FEED_AUDIENCE, ORIGIN_AUDIENCE};
use shared::ids::RequestId;
use shared::time::UnixTime;
use sqlx::Connection as _;

use crate::support::{ADMIN_KEY, Answer, SERVICE_KEY, TestApp, now, send, token};

async fn feed(app: &TestApp, since: Option<&str>) -> Value {
    let path = since.map_or("/v1/changes".to_owned(), |since| {
        format!("/v1/changes?since={since}")
    });
    let answer = send(app.request("GET", &path).header("x-service-key", SERVICE_KEY)).await;
    answer.expect(200).body["data"].take()
}

fn cursor(changes: &Value) -> String {
    assert_eq!(
        changes["reset"],
        json!(changes["people"] == json!([]) && changes["reset"] == true)
    );
    changes["cursor"].as_str().unwrap().to_owned()
}

fn ids(changes: &Value) -> Vec<&str> {
    let users = changes["people"].as_array().unwrap();
    users.iter().map(|user| user["id"].as_str().unwrap()).collect()
}

/// Asks again after `told` until there is no new change. The cursor stands still while any transaction of the server is open, also in other
/// tests' databases; the feed then repeats its changes.
async fn quiet_after(app: &TestApp, told: &Value) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut told = told.clone();
    loop {
        told = feed(app, Some(&cursor(&told))).await;
        if ids(&told).is_empty() {
            return told;
        }
        assert!(Instant::now() < deadline, "told for ever: {told}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn status_change_by_any_writer_is_fed_once_with_the_current_status() {
    let app = TestApp::start().await;
    let first = feed(&app, None).await;
    assert_eq!((&first["reset"], &first["people"]), (&json!(true), &json!([])));

    let me = app
        .get("/v1/auth/me", &token("uid-1", &json!({})))
        .await
        .expect(200);
    let id = me.body["data"]["user"]["id"].as_str().unwrap().to_owned();
    let other = app.legacy_user("ada@example.org").await;
    let quiet = feed(&app, Some(&cursor(&first))).await;
    assert_eq!(
        (&quiet["reset"], &quiet["people"]),
        (&json!(false), &json!([])),
        "a new user is no change"
    );

    app.call_with_key(
        "POST",
        &format!("/v1/users/{id}/deactivate"),
        ADMIN_KEY,
        &json!({}),
    )
    .await
    .expect(200);
    // As the legacy service does it.
    app.database
        .execute(&format!(
            "UPDATE auth.users SET is_active = false WHERE id = '{other}'"
        ))
        .await
        .unwrap();
    let told = feed(&app, Some(&cursor(&quiet))).await;
    assert_eq!(ids(&told), [id.as_str(), &other]);
    assert_eq!(told["people"][0]["firebase_uid"], "uid-1");
    assert_eq!(told["people"][0]["is_active"], false);
    assert!((now() - told["people"][0]["valid_since"].as_i64().unwrap()) < 60);
    assert_eq!(told["people"][1]["valid_since"], Value::Null);

    app.database
        .execute("UPDATE auth.users SET token_balance = token_balance + 1, last_login = now()")
        .await
        .unwrap();
    let nothing = quiet_after(&app, &told).await;
    app.database
        .execute(&format!("DELETE FROM auth.users WHERE id = '{other}'"))
        .await
        .unwrap();
    let gone = feed(&app, Some(&cursor(&nothing))).await;
    assert_eq!(
        (ids(&gone), &gone["people"][0]["is_active"]),
        (vec![other.as_str()], &json!(false))
    );
}

#[tokio::test]
async fn late_commit_is_not_skipped_by_the_feed() {
    let app = TestApp::start().await;
    let slow = app.legacy_user("slow@example.org").await;
    let quick = app.legacy_user("quick@example.org").await;
    let begun = cursor(&feed(&app, None).await);
    let deactivate = |id: &str| format!("UPDATE auth.users SET is_active = false WHERE id = '{id}'");
    let mut connection = app.database.connect().await;
    let mut late = connection.begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(deactivate(&slow)))
        .execute(&mut *late)
        .await
        .unwrap();
    app.database.execute(&deactivate(&quick)).await.unwrap();
    let before = feed(&app, Some(&begun)).await;
    assert_eq!(ids(&before), [quick.as_str()]);
    late.commit().await.unwrap();
    let after = feed(&app, Some(&cursor(&before))).await;
    assert!(ids(&after).contains(&slow.as_str()), "{after}");
    quiet_after(&app, &after).await;
}

#[tokio::test]
async fn too_many_changes_or_unknown_cursor_drop_the_whole_cache() {
    let app = TestApp::start().await;
    let begun = cursor(&feed(&app, None).await);
    app.database
        .execute(
            "INSERT INTO auth.users (email, password_hash) SELECT n || '@example.org', '!' FROM generate_series(1, 501) AS n; \
             UPDATE auth.users SET is_active = false",
        )
        .await
        .unwrap();
    let flood = feed(&app, Some(&begun)).await;
    assert_eq!((&flood["reset"], &flood["people"]), (&json!(true), &json!([])));
    let (history, transaction) = begun.rsplit_once('.').unwrap();
    let (system, timeline) = history.split_once('.').unwrap();
    for (other, what) in [
        (format!("{history}.18446744073709551615"), "of its future"),
        (
            format!("{system}.{}.{transaction}", timeline.parse::<u32>().unwrap() + 1),
            "of another timeline",
        ),
        (format!("1.{timeline}.{transaction}"), "of another database"),
        (transaction.to_owned(), "of an earlier release"),
    ] {
        assert_eq!(feed(&app, Some(&other)).await["reset"], true, "{what}");
    }
    for wrong in ["x", "-1", "1;2", "1.2", "1.2.x"] {
        let answer = send(
            app.request("GET", &format!("/v1/changes?since={wrong}"))
                .header("x-service-key", SERVICE_KEY),
        )
        .await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "VALIDATION_ERROR"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn feed_answers_the_edge_but_no_caller_through_it() {
    let app = TestApp::start().await;
    let ask = async |audience| -> Answer {
        let assertion = Assertion {
            audience,
            method: "GET",
            path: "/v1/changes",
            request_id: &RequestId::parse("edge-request-1").unwrap(),
            client_ip: None,
            identity: None,
            user: None,
        };
        let sealed = app
            .app
            .config
            .assertion_keys
            .for_audience(audience)
            .seal(&assertion, UnixTime::from_secs(now()))
            .unwrap();
        send(
            app.request("GET", "/v1/changes")
                .header("x-crossfade-assertion", sealed),
        )
        .await
    };
    ask(FEED_AUDIENCE).await.expect(200);
    assert_eq!(ask(ORIGIN_AUDIENCE).await.status, 403);
    assert_eq!(send(app.request("GET", "/v1/changes")).await.status, 403);
    let user = app.get("/v1/changes", &token("uid-1", &json!({}))).await;
    assert_eq!(user.status, 403);
}
