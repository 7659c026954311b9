//! A service with the stand-in as its Firebase.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::identity_toolkit::IdentityToolkit;

use crate::database::TestDatabase;
use crate::door::Door;
use crate::support::{Answer, PROJECT, TestApp, send, with_json};

/// The password of all users without another one.
pub const PASSWORD: &str = "correct-horse_1";
/// Another password.
pub const OTHER: &str = "other-horse_2";
/// The longest wait for a condition.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A service, its Firebase and the way to its database.
pub struct World {
    pub app: TestApp,
    pub google: IdentityToolkit,
    pub door: Door,
}

impl World {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with some variables changed.
    pub async fn start_with(more: &[(&'static str, &str)]) -> Self {
        let google = IdentityToolkit::start(PROJECT).await.unwrap();
        let database = TestDatabase::with_connections(4).await;
        let mut url = reqwest::Url::parse(database.url()).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let door = Door::to(target).await;
        url.set_ip_host(door.address().ip()).unwrap();
        url.set_port(Some(door.address().port())).unwrap();
        let mut variables = google.variables();
        variables.extend([
            ("DATABASE_URL", url.to_string()),
            ("DB_POOL_ACQUIRE_MS", "5000".to_owned()),
            ("BCRYPT_ROUNDS", "4".to_owned()),
        ]);
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let app = TestApp::start_on(database, &variables).await;
        Self { app, google, door }
    }

    /// Changes Google's answers from now on.
    pub fn google_will(&self, change: Value) {
        self.google.change(serde_json::from_value(change).unwrap());
    }

    /// Inserts a user whom only the legacy service knows, with a hash of `password` of this cost; answers their id.
    pub async fn local(&self, email: &str, password: &str, cost: u32) -> String {
        self.local_with_hash(email, &bcrypt::hash(password, cost).unwrap())
            .await
    }

    pub async fn local_with_hash(&self, email: &str, hash: &str) -> String {
        self.app
            .database
            .value::<uuid::Uuid>(&format!(
                "INSERT INTO auth.users (email, username, password_hash, token_balance) \
                 VALUES ('{email}', replace('{email}', '@', ''), '{hash}', 7) RETURNING id"
            ))
            .await
            .to_string()
    }

    /// A new user, registered here; answers the session.
    pub async fn registered(&self, email: &str) -> Value {
        self.post("register", &json!({"email": email, "password": PASSWORD}))
            .await
            .expect(201)
            .body["data"]
            .take()
    }

    /// `POST /v1/auth/{what}`.
    pub async fn post(&self, what: &str, body: &Value) -> Answer {
        self.app.call("POST", &format!("/v1/auth/{what}"), body).await
    }

    pub async fn log_in(&self, email: &str, password: &str) -> Answer {
        self.post("login", &json!({"email": email, "password": password}))
            .await
    }

    /// Requests a password reset; answers the mailed code.
    pub async fn mailed_code(&self, email: &str) -> String {
        self.post("forgot-password", &json!({"email": email}))
            .await
            .expect(200);
        self.until("a code is mailed", |world| {
            world.google.mailed_code(email).is_some()
        })
        .await;
        self.google.mailed_code(email).unwrap()
    }

    pub async fn refresh(&self, session: &Value) -> Answer {
        self.post("refresh", &json!({"refreshToken": session["refreshToken"]}))
            .await
    }

    /// `count` calls of `POST /v1/auth/{what}` at once.
    pub async fn at_once(&self, what: &str, bodies: Vec<Value>) -> Vec<Answer> {
        let calls: Vec<_> = bodies
            .into_iter()
            .map(|body| {
                let request = with_json(self.app.request("POST", &format!("/v1/auth/{what}")), &body);
                tokio::spawn(send(request))
            })
            .collect();
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            answers.push(call.await.unwrap());
        }
        answers
    }

    /// The link of the only user, as `firebase_uid provider`.
    pub async fn link(&self) -> String {
        self.app
            .database
            .value("SELECT coalesce(firebase_uid, '-') || ' ' || auth_provider FROM auth.users")
            .await
    }

    /// Whether the row of the only user has a hash of `password`: whether the legacy service would let them in.
    pub async fn legacy_accepts(&self, password: &str) -> bool {
        let hash: String = self
            .app
            .database
            .value("SELECT password_hash FROM auth.users")
            .await;
        bcrypt::verify(password, &hash).unwrap()
    }

    /// Whether the legacy service accepts `password` for the row `id`.
    pub async fn legacy_lets_in(&self, id: &str, password: &str) -> bool {
        let hash: Option<String> = self
            .app
            .database
            .value(&format!("SELECT password_hash FROM auth.users WHERE id = '{id}'"))
            .await;
        hash.is_some_and(|hash| bcrypt::verify(password, &hash).unwrap_or(false))
    }

    /// `GET /v1/auth/me`.
    pub async fn me(&self, token: &str) -> Answer {
        self.app.get("/v1/auth/me", token).await
    }

    /// `POST /v1/auth/exchange`.
    pub async fn exchange(&self, token: &str) -> Answer {
        self.app
            .call_as("POST", "/v1/auth/exchange", token, &json!({}))
            .await
    }

    /// How often `kind` is in the trail of the row `id`.
    pub async fn events(&self, id: &str, kind: &str) -> i64 {
        self.app
            .database
            .value(&format!(
                "SELECT count(*) FROM auth.auth_events WHERE user_id = '{id}' AND kind = '{kind}'"
            ))
            .await
    }

    /// Waits until `condition` holds.
    pub async fn until(&self, what: &'static str, condition: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !condition(self) {
            assert!(started.elapsed() < PATIENCE, "never happened: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until earlier sign-ins lie before the current second: revocation counts in whole seconds.
    pub async fn next_second(&self) {
        let now = crate::support::now();
        self.until("the next second", |_| crate::support::now() > now)
            .await;
    }
}
