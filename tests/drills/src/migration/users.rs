//! The users, and where they are.

use std::process::Command;

use serde_json::Value;
use stack::accounts::AccountStack;
use stack::fault::{Done, Fault, In as _};
use stack::{http, paths, run};

const STEP: &str = "users";

/// The address of the `n`-th user, as they type it.
pub fn email(n: u32) -> String {
    format!("person{n}@example.org")
}

/// The password they have had all along.
pub fn password(n: u32) -> String {
    format!("correct-horse-{n}")
}

/// Makes `number` users as the legacy service knows them. Cost 4, as in its own tests: this is not about the price of a hash.
/// pgcrypto's `$2a$` and the legacy service's `$2b$` are one algorithm.
pub fn seed(stack: &AccountStack, number: u32) -> Done {
    statement(stack, "CREATE EXTENSION IF NOT EXISTS pgcrypto")?;
    statement(
        stack,
        &format!(
            "INSERT INTO auth.users (username, email, password_hash, token_balance) \
             SELECT 'person' || n, 'Person' || n || '@Example.org', \
                    '$2b$' || substr(crypt('correct-horse-' || n, gen_salt('bf', 4)), 5), 3 \
             FROM generate_series(1, {number}) AS n"
        ),
    )
}

/// Where everybody is.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    /// Rows that are linked to the account of their own id.
    pub linked: u64,
    /// Rows that are not.
    pub local: u64,
    /// Accounts at Google.
    pub accounts: u64,
    /// Addresses that have one there.
    pub addresses: u64,
    /// Whether `origin users verify` finds both sides alike.
    pub alike: bool,
}

/// Counts both sides.
pub fn count(stack: &AccountStack) -> Done<Count> {
    let row = query(
        stack,
        "SELECT count(*) FILTER (WHERE firebase_uid = id::text) AS linked, \
                count(*) FILTER (WHERE firebase_uid IS DISTINCT FROM id::text) AS local FROM auth.users",
    )?;
    let google = http::get(&format!("{}/control", stack.google), &[])
        .in_step(STEP)?
        .json();
    let number = |from: &Value, name: &str| from.get(name).and_then(Value::as_u64).unwrap_or(0);
    let verified = run::logged(
        "origin users verify",
        "users-verify",
        &mut stack.command(&["users", "verify"]),
    );
    Ok(Count {
        linked: number(&row, "linked"),
        local: number(&row, "local"),
        accounts: number(&google, "accounts"),
        addresses: number(&google, "addresses"),
        alike: verified.is_ok(),
    })
}

/// Runs a statement.
pub fn statement(stack: &AccountStack, sql: &str) -> Done {
    run::logged(STEP, "drill-sql", &mut program(stack, sql))
}

/// The one row that `sql` answers.
pub fn query(stack: &AccountStack, sql: &str) -> Done<Value> {
    run::output(&mut program(stack, sql))
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or_else(|| Fault::new(STEP, "the database does not answer"))
}

fn program(stack: &AccountStack, sql: &str) -> Command {
    let mut program = Command::new(paths::debug_binary("sql"));
    program.arg(sql).env("DATABASE_URL", &stack.database);
    program
}
