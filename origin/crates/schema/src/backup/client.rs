//! PostgreSQL's own client programs.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::process::Command;

use super::error::BackupError;
use crate::session::KEEPALIVE;

/// How long `pg_dump` waits for a table that another session has locked.
const LOCK_PATIENCE_MS: u32 = 600_000;
/// How long a server may take to accept the programs' sessions, in seconds.
const CONNECT_PATIENCE: &str = "20";

/// The environment and programs for one server: `pg_dump` and `pg_restore`.
pub(super) struct Client {
    /// The connection, as libpq's environment variables: an argument would show the password to all users of the machine.
    environment: Vec<(&'static str, String)>,
    application: String,
}

impl Client {
    /// Finds the programs before the backup begins.
    pub async fn find(
        database: &PgConnectOptions,
        application: &str,
        server: &mut PgConnection,
        restore_too: bool,
    ) -> Result<Self, BackupError> {
        let server: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer / 10000")
            .fetch_one(server)
            .await
            .map_err(BackupError::Query)?;
        let server = u32::try_from(server).unwrap_or(0);
        for program in if restore_too {
            ["pg_dump", "pg_restore"].as_slice()
        } else {
            &["pg_dump"]
        } {
            let client = major_version(program).await?;
            if client < server {
                return Err(BackupError::ProgramTooOld {
                    program,
                    client,
                    server,
                });
            }
        }
        Ok(Self {
            environment: environment(database),
            application: application.to_owned(),
        })
    }

    /// The name of all sessions of this backup at the server.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Writes the whole database, as of `snapshot`, into `file`, which exists and is empty.
    pub async fn dump(&self, snapshot: &str, file: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_dump");
        command
            .arg("--format=custom")
            .arg("--no-password")
            .arg(format!("--lock-wait-timeout={LOCK_PATIENCE_MS}"))
            .arg(format!("--snapshot={snapshot}"))
            .arg("--file")
            .arg(file);
        run("pg_dump", command).await
    }

    /// Reads `file` into the empty database `name` on the same server.
    pub async fn restore(&self, name: &str, file: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_restore");
        command
            .args([
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-password",
            ])
            .arg(format!("--dbname={name}"))
            .arg(file);
        run("pg_restore", command).await
    }

    fn command(&self, program: &'static str) -> Command {
        let mut command = Command::new(program);
        command
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("PGAPPNAME", &self.application)
            // Ctrl-C in a terminal then reaches only this program, which stops the other one.
            .process_group(0)
            .kill_on_drop(true);
        command
    }
}

async fn run(program: &'static str, mut command: Command) -> Result<(), BackupError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| spawn_failure(program, error))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    Err(BackupError::ProgramFailed {
        program,
        output: lines.into_iter().rev().collect::<Vec<_>>().join(" / "),
    })
}

fn spawn_failure(program: &'static str, error: std::io::Error) -> BackupError {
    if error.kind() == ErrorKind::NotFound {
        BackupError::ProgramMissing(program)
    } else {
        BackupError::ProgramNotStarted {
            program,
            source: error,
        }
    }
}

async fn major_version(program: &'static str) -> Result<u32, BackupError> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| spawn_failure(program, error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_major(&text).ok_or_else(|| BackupError::ProgramFailed {
        program,
        output: String::from_utf8_lossy(&output.stderr)
            .lines()
            .next()
            .unwrap_or("said no version")
            .to_owned(),
    })
}

/// `pg_dump (PostgreSQL) 17.5 (Debian …)` → 17.
fn parse_major(version: &str) -> Option<u32> {
    let after = version.split("(PostgreSQL) ").nth(1)?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn environment(database: &PgConnectOptions) -> Vec<(&'static str, String)> {
    // The library shows its other options only in a URL, which it builds from harmless names only.
    let url = database.clone().host("localhost").username("x").to_url_lossy();
    let host = database.get_socket().map_or_else(
        || database.get_host().to_owned(),
        |path| path.display().to_string(),
    );
    let mut environment = vec![
        ("PGHOST", host),
        ("PGPORT", database.get_port().to_string()),
        ("PGUSER", database.get_username().to_owned()),
        (
            "PGDATABASE",
            database
                .get_database()
                .unwrap_or(database.get_username())
                .to_owned(),
        ),
        ("PGCONNECT_TIMEOUT", CONNECT_PATIENCE.to_owned()),
        (
            "PGOPTIONS",
            KEEPALIVE
                .map(|(name, value)| format!("-c {name}={value}"))
                .join(" "),
        ),
    ];
    environment.extend(
        url.password()
            .map(|password| ("PGPASSWORD", percent_decoded(password))),
    );
    for (name, value) in url.query_pairs() {
        let variable = match name.as_ref() {
            "sslmode" => "PGSSLMODE",
            "sslrootcert" => "PGSSLROOTCERT",
            "sslcert" => "PGSSLCERT",
            "sslkey" => "PGSSLKEY",
            _ => continue,
        };
        environment.push((
            variable,
            value.strip_prefix("file: ").unwrap_or(&value).to_owned(),
        ));
    }
    environment
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        match after
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or("");
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_program_versions_are_parsed() {
        assert_eq!(
            parse_major("pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)\n"),
            Some(17)
        );
        assert_eq!(parse_major("pg_restore (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("command not found"), None);
    }

    #[test]
    fn socket_address_and_certificate_reach_the_programs() {
        for (options, name, value) in [
            (
                PgConnectOptions::new_without_pgpass().host("::1"),
                "PGHOST",
                "::1",
            ),
            (
                PgConnectOptions::new_without_pgpass().host("/run/pg"),
                "PGHOST",
                "/run/pg",
            ),
            (
                PgConnectOptions::new_without_pgpass().socket("/run/pg"),
                "PGHOST",
                "/run/pg",
            ),
            (
                PgConnectOptions::new_without_pgpass().username("a@b/c:d"),
                "PGUSER",
                "a@b/c:d",
            ),
            (
                PgConnectOptions::new_without_pgpass().ssl_root_cert("/etc/ca root.pem"),
                "PGSSLROOTCERT",
                "/etc/ca root.pem",
            ),
        ] {
            let environment = environment(&options);
            assert!(
                environment.contains(&(name, value.to_owned())),
                "{name}: {environment:?}"
            );
        }
    }

    #[test]
    fn password_goes_by_the_environment_unescaped() {
        let options = PgConnectOptions::new_without_pgpass()
            .host("db")
            .port(6000)
            .username("u")
            .password("p%s:/é w")
            .database("d");
        let environment = environment(&options);
        for expected in [
            ("PGHOST", "db"),
            ("PGPORT", "6000"),
            ("PGUSER", "u"),
            ("PGDATABASE", "d"),
            ("PGPASSWORD", "p%s:/é w"),
        ] {
            assert!(
                environment.contains(&(expected.0, expected.1.to_owned())),
                "{expected:?}"
            );
        }
    }
}
