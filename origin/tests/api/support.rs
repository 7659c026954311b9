//! A running service with a database of its own, and calls by users.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use origin::app::AppState;
use origin::config::Config;
use origin::server;
use origin::telemetry::Traces;
use serde_json::{Value, json};
use shared::base64url;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::TestDatabase;

/// The Firebase project of every test; `demo-` allows the emulator's unsigned tokens.
pub const PROJECT: &str = "demo-crossfade";
/// The secret of legacy tokens.
pub const LEGACY_SECRET: &str = "legacy-secret-of-the-tests-0123456789";
/// A service key without and one with the admin role.
pub const SERVICE_KEY: &str = "archive-key-0123456789-0123456789-ab";
/// See [`SERVICE_KEY`].
pub const ADMIN_KEY: &str = "admin-key-0123456789-0123456789-abcd";

/// A running service.
pub struct TestApp {
    /// Its base address.
    pub base: String,
    /// Its database.
    pub database: TestDatabase,
    /// Its parts.
    pub app: AppState,
    client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// `error.code` of a failure.
    pub fn code(&self) -> &str {
        self.body["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no code in {}", self.body))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

impl TestApp {
    /// A service with the usual configuration.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A service with some variables changed.
    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        Self::start_on(TestDatabase::with_connections(2).await, variables).await
    }

    /// The same on an existing database.
    pub async fn start_on(database: TestDatabase, variables: &[(&str, &str)]) -> Self {
        let config = configuration(database.url(), variables);
        let traces = Traces::new(config.traces.as_ref()).unwrap();
        let app = AppState::new(config, traces).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(server::run(listener, app.clone(), async move {
            let _dropped = stopped.await;
        }));
        Self {
            base: format!("http://{address}"),
            database,
            app,
            client: http_client::client().unwrap(),
            stop: Some(stop),
            server: Some(server),
        }
    }

    /// Tells the service to stop; the handle completes when it has.
    pub fn stop(&mut self) -> JoinHandle<std::io::Result<()>> {
        let _already = self.stop.take().map(|stop| stop.send(()));
        self.server.take().expect("stopped twice")
    }

    /// A request that may be changed before it is sent.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    /// `GET path` with a bearer token.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request("GET", path).bearer_auth(token)).await
    }

    /// A call with a JSON body.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        send(with_json(self.request(method, path), body)).await
    }

    /// A call with a bearer token and a JSON body.
    pub async fn call_as(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        send(with_json(self.request(method, path).bearer_auth(token), body)).await
    }

    /// A call with a service key and a JSON body.
    pub async fn call_with_key(&self, method: &str, path: &str, key: &str, body: &Value) -> Answer {
        send(with_json(
            self.request(method, path).header("x-service-key", key),
            body,
        ))
        .await
    }

    /// Inserts a user as the legacy service would, and answers their id.
    pub async fn legacy_user(&self, email: &str) -> String {
        self.database
            .value::<uuid::Uuid>(&format!(
                "INSERT INTO auth.users (email, username, password_hash, token_balance) \
                 VALUES ('{email}', replace('{email}', '@', ''), '$2b$04$abcdefghijklmnopqrstuv', 7) RETURNING id"
            ))
            .await
            .to_string()
    }

    /// How many rows `auth.users` has.
    pub async fn users(&self) -> i64 {
        self.database.value("SELECT count(*) FROM auth.users").await
    }

    /// The findings of the ledger's own check, as text; empty when there are none.
    pub async fn differences(&self) -> Vec<String> {
        self.database
            .value("SELECT coalesce(array_agg(difference::text), '{}') FROM auth.ledger_differences AS difference")
            .await
    }
}

/// The configuration of a test's service.
pub fn configuration(database_url: &str, variables: &[(&str, &str)]) -> Config {
    let mut table: BTreeMap<String, String> = [
        ("ENVIRONMENT", "development"),
        ("DATABASE_URL", database_url),
        ("DB_POOL_MAX", "8"),
        // These tests do not measure a busy machine; tests of limits set their own.
        ("DB_POOL_ACQUIRE_MS", "10000"),
        ("FIREBASE_PROJECT_ID", PROJECT),
        ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9"),
        (
            "ORIGIN_ASSERTION_KEYS",
            &format!("k1:{}", base64url::encode(&[7; 32])),
        ),
        ("LEGACY_JWT_SECRETS", LEGACY_SECRET),
        (
            "INTERNAL_SERVICE_KEYS",
            &format!("archive:{SERVICE_KEY},admin:{ADMIN_KEY}:admin"),
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    table.extend(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    Config::read(&table).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Sends and reads the answer; one without a JSON body reads as `null`.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    Answer {
        status,
        headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

/// Adds a JSON body.
pub fn with_json(request: reqwest::RequestBuilder, body: &Value) -> reqwest::RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// Seconds since 1970.
pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// An emulator token, unsigned as the Auth emulator makes them. `claims` replace or add; `null` removes.
pub fn token(uid: &str, claims: &Value) -> String {
    let now = now();
    let mut payload = json!({
        "iss": format!("https://securetoken.google.com/{PROJECT}"), "aud": PROJECT, "auth_time": now - 5, "user_id": uid, "sub": uid,
        "iat": now - 5, "exp": now + 3600, "firebase": {"identities": {}, "sign_in_provider": "password"},
    });
    let fields = payload.as_object_mut().unwrap();
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    format!(
        "{}.{}.",
        base64url::encode(br#"{"alg":"none","typ":"JWT"}"#),
        base64url::encode(payload.to_string().as_bytes())
    )
}

/// A token of a user with an address.
pub fn token_with_email(uid: &str, email: &str, verified: bool) -> String {
    token(uid, &json!({"email": email, "email_verified": verified}))
}

/// A token of the legacy service for the row `id`.
pub fn legacy_token(id: &str, issued_at: i64) -> String {
    legacy_token_saying(id, issued_at, &json!({}))
}

/// The same, with `more` claims.
pub fn legacy_token_saying(id: &str, issued_at: i64, more: &Value) -> String {
    let header = base64url::encode(br#"{"alg":"HS256","typ":"JWT"}"#);
    let mut claims = json!({
        "id": id, "email": "x@x.de", "tokenBalance": 0, "type": "user", "iat": issued_at, "exp": issued_at + 7 * 24 * 3600,
        "aud": "atma-services", "iss": "atma-auth-service",
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let signed = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, LEGACY_SECRET.as_bytes());
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64url::encode(signature.as_ref()))
}
