//! A database with the current schema for one test: cloned from a template that is migrated once, dropped when the test has ended.
// Each test binary takes what it needs.
#![allow(dead_code)]

use std::cell::RefCell;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use uuid::Uuid;

/// A database of its own with the newest schema and no rows.
#[derive(Debug)]
pub struct TestDatabase {
    /// Connections to it, at most as many as the test asked for.
    pub pool: PgPool,
    options: PgConnectOptions,
    url: String,
    name: String,
}

impl TestDatabase {
    /// A fresh database with a pool of `connections`.
    ///
    /// # Panics
    /// When `TEST_DATABASE_URL` (a server and a role that may create databases) is not set or does not work.
    pub async fn with_connections(connections: u32) -> Self {
        let server_url = server_url();
        let server =
            PgConnectOptions::from_str(&server_url).expect("TEST_DATABASE_URL is not a PostgreSQL URL");
        let mut admin = server.connect().await.expect("TEST_DATABASE_URL does not answer");
        let template = template(&mut admin, &server).await;
        let name = format!("test_{}", Uuid::new_v4().simple());
        run(&mut admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        admin.close().await.unwrap();
        let options = server.database(&name);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(std::time::Duration::from_secs(60))
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .unwrap();
        let url = with_database(&server_url, &name);
        Self {
            pool,
            options,
            url,
            name,
        }
    }

    /// `postgres://…/name`, for a program that is started with it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection outside the pool, like another service's.
    pub async fn connect(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    /// The single value of a query.
    pub async fn value<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Runs a statement like another service, past the ledger.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn execute(&self, sql: &str) -> sqlx::Result<u64> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        LEFT.with(|left| left.0.borrow_mut().push(std::mem::take(&mut self.name)));
    }
}

thread_local! {
    static LEFT: Left = const { Left(RefCell::new(Vec::new())) };
}

/// Databases of finished tests. The end of the test's thread drops them, after its runtime: PostgreSQL drops a database only after every
/// session of the whole server has released its files, and a session that is still signing in cannot. In the runtime's thread the drop
/// would wait for a connection that the same runtime had begun, for a minute (`authentication_timeout`).
struct Left(RefCell<Vec<String>>);

impl Drop for Left {
    fn drop(&mut self) {
        let names = std::mem::take(self.0.get_mut());
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut admin = PgConnectOptions::from_str(&server_url())
                    .unwrap()
                    .connect()
                    .await
                    .unwrap();
                for name in names {
                    run(
                        &mut admin,
                        &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                    )
                    .await;
                }
            });
        })
        .join();
        if dropped.is_err() {
            // Only a message: a panic here would end all tests, and hide which one had failed.
            eprintln!("a test database was left behind");
        }
    }
}

fn server_url() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL is not set: these tests need a PostgreSQL (`cargo xtask test` starts one)")
}

/// The template of this exact set of migrations; the first test makes it.
async fn template(admin: &mut PgConnection, server: &PgConnectOptions) -> String {
    let name = format!("template_{}", schema::fingerprint());
    let lock = "hashtextextended('crossfade.test.template', 0)";
    run(admin, &format!("SELECT pg_advisory_lock({lock})")).await;
    let ready: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)")
            .bind(&name)
            .fetch_one(&mut *admin)
            .await
            .unwrap();
    if !ready {
        run(admin, &format!("DROP DATABASE IF EXISTS {name}")).await;
        run(admin, &format!("CREATE DATABASE {name} TEMPLATE template0")).await;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(server.clone().database(&name))
            .await
            .unwrap();
        schema::migrate(&pool).await.unwrap();
        pool.close().await;
        run(admin, &format!("ALTER DATABASE {name} IS_TEMPLATE true")).await;
    }
    run(admin, &format!("SELECT pg_advisory_unlock({lock})")).await;
    name
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn with_database(server_url: &str, name: &str) -> String {
    let (base, query) = match server_url.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (server_url, String::new()),
    };
    // scheme://authority[/path]: the path is replaced.
    let authority_ends = base.find("://").map_or(0, |at| at + 3);
    let path = base[authority_ends..]
        .find('/')
        .map_or(base.len(), |at| authority_ends + at);
    format!("{}/{name}{query}", &base[..path])
}
