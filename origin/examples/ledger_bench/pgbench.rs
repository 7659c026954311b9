//! The comparison: pgbench with prepared statements and the ledger's own SQL.

use std::process::Command;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::{Target, user_sql};

const MOVE: &str = include_str!("../../crates/ledger/src/statements/move.sql");

/// Credits one token per transaction for `length`; answers transactions a second.
pub fn run(database: &PgConnectOptions, target: Target, people: u32, clients: u32, length: Duration) -> f64 {
    let path = std::env::temp_dir().join(format!("ledger_bench_{}.sql", std::process::id()));
    std::fs::write(&path, script(target, people)).unwrap();
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "2"])
        .args(["-h", database.get_host(), "-p", &database.get_port().to_string()])
        .args(["-U", database.get_username(), "-c", &clients.to_string()])
        .args(["-T", &length.as_secs().to_string(), "-f"])
        .arg(&path)
        .arg(database.get_database().unwrap())
        .env("PGPASSWORD", std::env::var("PGPASSWORD").unwrap_or_default())
        .output()
        .expect("pgbench is not installed");
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
        .unwrap_or_else(|| panic!("pgbench printed no rate: {text}"))
}

/// `move.sql` with pgbench's variables for its parameters. pgbench replaces every `:name`, even in quotes: the accounts' colons are spelled
/// `chr(58)`.
fn script(target: Target, people: u32) -> String {
    let user = match target {
        Target::Random => user_sql(":person::bigint"),
        Target::Hot => user_sql("1"),
    };
    let mut sql: String = MOVE
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .map(|line| format!("{line}\n"))
        .collect();
    for (parameter, value) in [
        ("$11", "NULL::text".to_owned()),
        ("$10", "'bench'".to_owned()),
        ("$9", "1::bigint".to_owned()),
        ("$8", format!("'user' || chr(58) || {user}::text")),
        ("$7", "'system' || chr(58) || 'issued'".to_owned()),
        ("$6", "'credit'".to_owned()),
        ("$5", "1::bigint".to_owned()),
        ("$4", user.clone()),
        ("$3", format!("decode('{}', 'hex')", "ab".repeat(32))),
        ("$2", ":key::text".to_owned()),
        ("$1", "'pgbench'".to_owned()),
    ] {
        sql = sql.replace(parameter, &value);
    }
    format!(
        "\\set person random(1, {people})\n\\set key random(1, 1000000000000000)\n{};\n",
        sql.trim_end()
    )
}
