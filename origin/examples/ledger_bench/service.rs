//! `origin serve` as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use sqlx::postgres::PgConnectOptions;

pub const SERVICE_KEY: &str = "bench-service-key-0123456789-0123456789";

/// A running service; dropping the value kills it.
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts the program that was built beside this one.
    pub fn start(database: &PgConnectOptions, connections: u32) -> Self {
        let example = std::env::current_exe().unwrap();
        let program = example.parent().unwrap().parent().unwrap().join("origin");
        let url = format!(
            "postgres://{}:{}@{}:{}/{}",
            database.get_username(),
            std::env::var("PGPASSWORD").unwrap_or_default(),
            database.get_host(),
            database.get_port(),
            database.get_database().unwrap()
        );
        let mut child = Command::new(&program)
            .arg("serve")
            .env_clear()
            .envs([
                ("DATABASE_URL", url.as_str()),
                ("PORT", "0"),
                ("HOST", "127.0.0.1"),
                ("DB_POOL_MAX", &connections.to_string()),
                ("FIREBASE_PROJECT_ID", "demo-bench"),
                (
                    "ORIGIN_ASSERTION_KEYS",
                    "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
                ),
                ("INTERNAL_SERVICE_KEYS", &format!("bench:{SERVICE_KEY}")),
                ("LOG_LEVEL", "info"),
                ("LOG_FORMAT", "json"),
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} (build it first): {error}", program.display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
            .find(|line| line["message"] == "listening")
            .and_then(|line| line["address"].as_str()?.parse().ok())
            .expect("the service ended before it listened");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
