//! Running the program.

use std::process::Command;

use serde_json::Value;
use sqlx::ConnectOptions as _;

use crate::database::TestDatabase;
use crate::program;

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Itself, if it exited with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Itself, if every text is on standard output.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "{text:?} is not in {}", self.stdout);
        }
        self
    }

    /// Itself, if every text is on standard error.
    #[track_caller]
    pub fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "{text:?} is not in {}", self.stderr);
        }
        self
    }

    /// Its one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// `origin` with `arguments` (words between spaces) and `variables`, to its end.
pub async fn origin(arguments: &str, variables: &[(&str, &str)]) -> Ended {
    let mut command = program::origin();
    command
        .args(arguments.split_whitespace())
        .envs(variables.iter().copied())
        // A `.env` of whoever runs the tests is none of theirs.
        .current_dir(std::env::temp_dir());
    end(command).await
}

/// Runs a command to its end, while the test goes on.
pub async fn end(mut command: Command) -> Ended {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `postgres://…` of a test's database.
pub fn url(database: &TestDatabase) -> String {
    database.options.to_url_lossy().to_string()
}

/// `origin` with nothing but a database.
pub async fn with(database: &TestDatabase, arguments: &str) -> Ended {
    origin(arguments, &[("DATABASE_URL", &url(database))]).await
}
