//! The operator's mailer receives every change of ownership, at least once.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{TimeDelta, Utc};
use ring::hmac;
use serde_json::Value;

use crate::google::World;

const SECRET: &str = "a-secret-of-the-mailer-of-forty-characters";

/// The mailer: it gives the configured answers, and keeps every posted notice.
#[derive(Clone, Default)]
struct Mailer(Arc<Mutex<(u16, Vec<Value>)>>);

impl Mailer {
    async fn start() -> (Self, String) {
        let mailer = Self::default();
        mailer.answers(200);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notices", listener.local_addr().unwrap());
        let routes = Router::new().fallback(take).with_state(mailer.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (mailer, url)
    }

    fn answers(&self, status: u16) {
        self.0.lock().unwrap().0 = status;
    }

    fn posted(&self) -> Vec<Value> {
        self.0.lock().unwrap().1.clone()
    }
}

async fn take(State(mailer): State<Mailer>, headers: HeaderMap, body: String) -> StatusCode {
    let signature = headers["x-crossfade-signature"].to_str().unwrap();
    let (time, signature) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let tag: Vec<u8> = (0..signature.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::verify(&key, format!("{time}.{body}").as_bytes(), &tag).unwrap();
    let mut mailer = mailer.0.lock().unwrap();
    mailer.1.push(serde_json::from_str(&body).unwrap());
    StatusCode::from_u16(mailer.0).unwrap()
}

impl World {
    /// A user who proves an unproven address by a mailed reset.
    async fn proves(&self, email: &str) -> String {
        let id = self.registered(email).await["user"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let code = self.mailed_code(email).await;
        let body = serde_json::json!({"oobCode": code, "newPassword": crate::google::OTHER});
        self.post("reset-password", &body).await.expect(200);
        assert_eq!(self.events(&id, "ownership.changed").await, 1);
        id
    }

    async fn notices(&self) -> i64 {
        self.app
            .database
            .value("SELECT count(*) FROM auth.ownership_notices")
            .await
    }

    async fn all_are_due(&self) {
        self.app
            .database
            .execute("UPDATE auth.ownership_notices SET next_attempt_at = now()")
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn notice_is_sent_until_the_mailer_accepts_it() {
    let (mailer, url) = Mailer::start().await;
    let world = World::start_with(&[
        ("OWNERSHIP_NOTICE_URL", &url),
        ("OWNERSHIP_NOTICE_SECRET", SECRET),
    ])
    .await;
    let id = world.proves("ann@example.org").await;
    let notifying = &world.app.app.notifying;
    for status in [500, 404, 302] {
        mailer.answers(status);
        world.all_are_due().await;
        assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 0);
        assert_eq!(world.notices().await, 1);
        let error: String = world
            .app
            .database
            .value("SELECT last_error FROM auth.ownership_notices")
            .await;
        assert_eq!(error, format!("status {status}"));
    }
    mailer.answers(202);
    assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 0, "not yet");
    world.all_are_due().await;
    assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 1);
    assert_eq!(
        (
            world.notices().await,
            world.events(&id, "ownership.notified").await
        ),
        (0, 1)
    );
    let posted = mailer.posted();
    assert_eq!(posted.len(), 4);
    assert!(posted.iter().all(|notice| notice["id"] == posted[0]["id"]));
    for (name, value) in [
        ("kind", "ownership.changed"),
        ("user_id", id.as_str()),
        ("email", "ann@example.org"),
        ("by", "reset"),
    ] {
        assert_eq!(posted[3][name], value, "{name}");
    }
    assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 0);
}

/// A mailer refuses one user's notice: the other users get theirs in the same round.
#[tokio::test]
async fn refused_notice_delays_no_other() {
    let (mailer, url) = Mailer::start().await;
    let world = World::start_with(&[
        ("OWNERSHIP_NOTICE_URL", &url),
        ("OWNERSHIP_NOTICE_SECRET", SECRET),
    ])
    .await;
    for n in 0..3 {
        world.proves(&format!("user{n}@example.org")).await;
    }
    let notifying = &world.app.app.notifying;
    for (status, posts) in [(422, 3), (400, 3), (500, 1), (503, 1), (429, 1)] {
        mailer.answers(status);
        world.all_are_due().await;
        let before = mailer.posted().len();
        assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 0);
        assert_eq!(mailer.posted().len() - before, posts, "{status}");
    }
    mailer.answers(200);
    world.all_are_due().await;
    assert_eq!(notifying.notify_due(Utc::now()).await.unwrap(), 3);
}

#[tokio::test]
async fn notice_refused_for_a_week_is_dropped_and_audited() {
    let (mailer, url) = Mailer::start().await;
    let world = World::start_with(&[
        ("OWNERSHIP_NOTICE_URL", &url),
        ("OWNERSHIP_NOTICE_SECRET", SECRET),
    ])
    .await;
    let id = world.proves("ann@example.org").await;
    mailer.answers(503);
    let notifying = &world.app.app.notifying;
    for (days, left) in [(6, 1), (8, 0)] {
        world.all_are_due().await;
        notifying
            .notify_due(Utc::now() + TimeDelta::days(days))
            .await
            .unwrap();
        assert_eq!(world.notices().await, left, "{days} days");
    }
    assert_eq!(world.events(&id, "ownership.not_notified").await, 1);
}

#[tokio::test]
async fn without_a_mailer_notices_are_dropped_after_a_week() {
    let world = World::start().await;
    world.proves("ann@example.org").await;
    let notifying = &world.app.app.notifying;
    for (days, left) in [(6, 1), (8, 0)] {
        notifying
            .notify_due(Utc::now() + TimeDelta::days(days))
            .await
            .unwrap();
        assert_eq!(world.notices().await, left, "{days} days");
    }
}
