//! Runs the program.

use sqlx::ConnectOptions as _;

use crate::database::TestDatabase;
use crate::ended::{Ended, begin, end};
use crate::program;

/// `origin` with `arguments` (words between spaces) and `variables`, to its end.
pub async fn origin(arguments: &str, variables: &[(&str, &str)]) -> Ended {
    let mut command = program::origin();
    command
        .args(arguments.split_whitespace())
        .envs(variables.iter().copied())
        // The `.env` of the user who runs the tests must not count.
        .current_dir(std::env::temp_dir());
    end(begin(command)).await
}

/// `postgres://…` of a test's database.
pub fn url(database: &TestDatabase) -> String {
    database.options.to_url_lossy().to_string()
}

/// `origin` with a database and nothing else.
pub async fn with(database: &TestDatabase, arguments: &str) -> Ended {
    origin(arguments, &[("DATABASE_URL", &url(database))]).await
}
