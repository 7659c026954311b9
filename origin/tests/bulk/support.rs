//! A database with users, a stand-in for Firebase, and the command line between them.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::identity_toolkit::{Change, IdentityToolkit};
use tokio::task::JoinHandle;

use crate::database::TestDatabase;
use crate::ended::{Ended, begin, end};
use crate::program;

/// The project of every test.
pub const PROJECT: &str = "demo-bulk";
/// The password of all users at the legacy service.
pub const PASSWORD: &str = "correct-horse-1";
/// The longest wait for a condition, before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both sides.
pub struct Drill {
    pub database: TestDatabase,
    pub toolkit: IdentityToolkit,
}

impl Drill {
    /// No user on either side.
    pub async fn start() -> Self {
        let toolkit = IdentityToolkit::start(PROJECT).await.unwrap();
        Self {
            database: TestDatabase::with_connections(4).await,
            toolkit,
        }
    }

    /// `count` users as the legacy service has them, `person1@example.org` and so on, all with [`PASSWORD`].
    pub async fn fill(&self, count: u32) {
        let hash = bcrypt::hash(PASSWORD, 4).unwrap();
        self.database
            .execute(&format!(
                "INSERT INTO auth.users (email, username, password_hash) \
                 SELECT 'Person' || n || '@Example.org', 'person' || n, '{hash}' FROM generate_series(1, {count}) AS n"
            ))
            .await
            .unwrap();
    }

    /// `origin users` with `arguments`, without waiting for its end.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = program::origin();
        command
            .arg("users")
            .args(arguments)
            .envs([
                ("ENVIRONMENT", "development"),
                ("DATABASE_URL", self.database.url()),
                ("DB_POOL_MAX", "4"),
                // A busy machine opens sessions late.
                ("DB_POOL_ACQUIRE_MS", "10000"),
                ("USER", "tester"),
            ])
            .envs(self.toolkit.variables())
            .current_dir(std::env::temp_dir());
        begin(command)
    }

    /// `origin users` with `arguments`, to its end.
    pub async fn users(&self, arguments: &[&str]) -> Ended {
        end(self.spawn(arguments)).await
    }

    /// Waits until `sql` answers true.
    pub async fn until(&self, sql: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.database.value::<bool>(sql).await {
            assert!(Instant::now() < deadline, "never: {sql}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until `running` has sent its import to Firebase.
    pub async fn import_begins(&self, running: &JoinHandle<Ended>) {
        while self.toolkit.calls("projects.accounts.batchCreate") == 0 {
            assert!(!running.is_finished(), "the command ended before its import");
            tokio::task::yield_now().await;
        }
    }

    /// Lets every lease of a command expire, as by time.
    pub async fn leases_run_out(&self) {
        self.database
            .execute(
                "WITH leased AS (SELECT user_id FROM auth.user_migrations WHERE leased_by ~ '^(bulk|unlink):' ORDER BY user_id FOR UPDATE) \
                 UPDATE auth.user_migrations AS m SET lease_until = now() - interval '1 second' \
                 FROM leased WHERE m.user_id = leased.user_id",
            )
            .await
            .unwrap();
    }

    /// How many users are linked.
    pub async fn linked(&self) -> i64 {
        self.database
            .value(
                "SELECT count(*) FROM auth.users WHERE firebase_uid = id::text AND auth_provider = 'hybrid'",
            )
            .await
    }

    /// Whether the stand-in signs a user in.
    pub async fn signs_in(&self, email: &str, password: &str) -> bool {
        let url = self.toolkit.variables();
        let base = |name: &str| url.iter().find(|(known, _)| *known == name).unwrap().1.clone();
        let url = format!(
            "{}/v1/accounts:signInWithPassword?key={}",
            base("FIREBASE_IDENTITY_TOOLKIT_URL"),
            base("FIREBASE_API_KEY")
        );
        let body = serde_json::json!({"email": email, "password": password, "returnSecureToken": true});
        let answer = http_client::client()
            .unwrap()
            .post(url)
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        answer.status().as_u16() == 200
    }

    /// The text rows a query answers.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        self.database
            .value(&format!(
                "SELECT coalesce(array_agg(row), '{{}}') FROM ({sql}) AS answer (row)"
            ))
            .await
    }

    /// Imports accounts as Google's guide describes it, without the optional checks.
    pub async fn import_unchecked(&self, accounts: &[firebase::AccountToImport]) {
        let variables = self.toolkit.variables();
        let value = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .unwrap()
                .1
                .clone()
        };
        self.change(serde_json::json!({"owner": true}));
        let url = format!(
            "{}/v1/projects/{PROJECT}/accounts:batchCreate",
            value("FIREBASE_IDENTITY_TOOLKIT_URL")
        );
        let body = serde_json::json!({"hashAlgorithm": "BCRYPT", "users": accounts});
        let answer = http_client::client()
            .unwrap()
            .post(url)
            .bearer_auth("owner")
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        assert!(!text.contains("error"), "{text}");
    }

    /// Changes the stand-in's answers; `change` as its control page takes it.
    pub fn change(&self, change: Value) {
        self.toolkit
            .change(serde_json::from_value::<Change>(change).unwrap());
    }
}
