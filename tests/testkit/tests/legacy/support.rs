//! A running service with a database of its own.

use std::str::FromStr as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use testkit::legacy::{self, Control, Settings};
use testkit::serve;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// The tables as the legacy service's own migrations leave them.
const BASELINE: &str = include_str!("../../../../origin/tests/schema/legacy_baseline.sql");

pub const PASSWORD: &str = "old password 1";
pub const SECRET: &[u8] = b"secret of the legacy service, 32 bytes or more";
pub const SERVICE_KEY: &str = "key of a service";

/// When this is dropped, everything ends, the database included.
pub struct Stand {
    pub control: Control,
    pub url: String,
    pool: PgPool,
    database: String,
    runtime: Runtime,
}

pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Value,
}

impl Stand {
    pub fn start() -> Self {
        Self::with_cache(false)
    }

    pub fn with_cache(user_cache: bool) -> Self {
        let runtime = Runtime::new().unwrap();
        let database = format!("legacy_{}", Uuid::new_v4().simple());
        let control = Control::default();
        let settings = Settings {
            jwt_secret: SECRET.to_vec(),
            service_key: SERVICE_KEY.to_owned(),
            default_token_balance: 3,
            user_cache,
        };
        let (pool, address) = runtime.block_on(async {
            admin(&format!("CREATE DATABASE {database}")).await;
            let pool = PgPoolOptions::new()
                .max_connections(5)
                .acquire_timeout(Duration::from_secs(1))
                .connect_with(server().database(&database))
                .await
                .unwrap();
            sqlx::raw_sql(BASELINE).execute(&pool).await.unwrap();
            let listener = serve::bind_any().await.unwrap();
            let address = listener.local_addr().unwrap();
            let (router, control) = (legacy::router(pool.clone(), settings, &control), control.clone());
            tokio::spawn(async move { legacy::serve(listener, router, &control).await });
            (pool, address)
        });
        Self {
            control,
            url: format!("http://{address}"),
            pool,
            database,
            runtime,
        }
    }

    pub fn sql(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        self.runtime
            .block_on(sqlx::raw_sql(statement).execute(&self.pool))
            .unwrap();
    }

    /// Runs `act` while writes to `auth.users` wait, until `waiting` statements wait.
    pub fn while_nobody_writes<T>(&self, waiting: i64, act: impl FnOnce() -> T) -> T {
        let lock = self.runtime.block_on(async {
            let mut lock = self.pool.begin().await.unwrap();
            sqlx::query("LOCK TABLE auth.users IN EXCLUSIVE MODE")
                .execute(&mut *lock)
                .await
                .unwrap();
            lock
        });
        let pool = self.pool.clone();
        let released = self.runtime.spawn(async move {
            let deadline = Instant::now() + Duration::from_secs(5);
            while Instant::now() < deadline {
                let wait: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'auth.users'::regclass",
                )
                .fetch_one(&pool)
                .await
                .unwrap();
                if wait == waiting {
                    break;
                }
                tokio::task::yield_now().await;
            }
            lock.rollback().await.unwrap();
        });
        let result = act();
        self.runtime.block_on(released).unwrap();
        result
    }

    /// The database stops answering, as far as the service can see.
    pub fn lose_database(&self) {
        self.runtime.block_on(self.pool.close());
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.call("GET", path, &bearer(token), &Value::Null)
    }

    pub fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.call("POST", path, &bearer(token), body)
    }

    pub fn call(&self, method: &str, path: &str, headers: &[(&str, String)], body: &Value) -> Answer {
        self.try_call(method, path, headers, body).unwrap()
    }

    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &Value,
    ) -> Result<Answer, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(2)))
            .allow_non_standard_methods(true)
            .proxy(None)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = if body.is_null() {
            agent.run(request.body(()).unwrap())?
        } else {
            let request = request.header("content-type", "application/json");
            agent.run(request.body(body.to_string()).unwrap())?
        };
        let text = response.body_mut().read_to_string()?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    /// Registers a user and returns their token and id.
    pub fn register(&self, name: &str) -> (String, String) {
        let user = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
        let answer = self.post("/auth/register", None, &user);
        assert_eq!(answer.status, 201, "{}", answer.body);
        let data = &answer.body["data"];
        (text(&data["token"]), text(&data["user"]["id"]))
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        self.runtime.block_on(admin(&drop));
    }
}

pub fn bearer(token: Option<&str>) -> Vec<(&'static str, String)> {
    token
        .map(|token| ("authorization", format!("Bearer {token}")))
        .into_iter()
        .collect()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// The names of an object's members, in alphabetical order.
pub fn members(value: &Value) -> String {
    let object = value.as_object().unwrap_or_else(|| panic!("{value}"));
    object.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Checks that the answer is this refusal and says nothing else.
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["success"], false);
    assert_eq!(answer.body["error"]["code"], code, "{}", answer.body);
    assert_eq!(members(&answer.body), "error success");
}

fn server() -> PgConnectOptions {
    let url = std::env::var("TEST_DATABASE_URL").expect(
        "TEST_DATABASE_URL is not set: these tests need a PostgreSQL (`cargo xtask test` starts one)",
    );
    PgConnectOptions::from_str(&url).expect("TEST_DATABASE_URL is not a PostgreSQL URL")
}

async fn admin(statement: &str) {
    let mut connection: PgConnection = server().connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}
