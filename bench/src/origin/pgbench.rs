//! pgbench: the same statements, prepared, with nothing around them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use stack::fault::{Done, Fault, In as _};
use stack::{paths, run};

use super::database::{PASSWORD, Server, user_id_sql};
use super::{STEP, World};
use crate::figures::Measured;

/// What it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// The row of a random user, by uid.
    Select,
    /// A new user's row.
    Insert,
    /// The ledger's own statement on a random user.
    MoveRandom,
    /// The same on always the same user.
    MoveOne,
}

/// An installed pgbench.
pub struct Pgbench(PathBuf);

/// The one on PATH, or where Debian puts it. The embedded PostgreSQL comes without.
pub fn find() -> Done<Pgbench> {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin/pgbench"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.push(PathBuf::from("pgbench"));
    found
        .into_iter()
        .rev()
        .find(|path| run::output(Command::new(path).arg("--version")).is_some())
        .map(Pgbench)
        .ok_or_else(|| {
            Fault::new(STEP, "pgbench is not to be found")
                .hint("it comes with PostgreSQL's server package: `apt-get install postgresql`, `brew install postgresql`")
        })
}

impl Pgbench {
    /// Runs one statement, once: the embedded PostgreSQL comes without psql too.
    pub fn execute(&self, port: u16, database: &str, statement: &str) -> Done {
        let folder = paths::working("bench-pgbench");
        fs::create_dir_all(&folder).in_step(STEP)?;
        fs::write(folder.join("statement.sql"), format!("{statement};\n")).in_step(STEP)?;
        run::logged(
            STEP,
            "bench-statement",
            Command::new(&self.0)
                .current_dir(&folder)
                .args(["-n", "-t", "1", "-f", "statement.sql"])
                .args([
                    "-h",
                    "127.0.0.1",
                    "-p",
                    &port.to_string(),
                    "-U",
                    "crossfade",
                    database,
                ])
                .env("PGPASSWORD", PASSWORD),
        )
    }

    /// Runs `script` for one turn.
    pub fn run(
        &self,
        script: Script,
        world: &World,
        server: &Server,
        connections: usize,
        length: Duration,
    ) -> Done<Measured> {
        let folder = paths::working("bench-pgbench");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).in_step(STEP)?;
        fs::write(folder.join("script.sql"), script.text(world.users)?).in_step(STEP)?;
        let before = server.cpu();
        let output = Command::new(&self.0)
            .current_dir(&folder)
            .args(["-n", "-M", "prepared", "-j", "2", "-f", "script.sql"])
            // A sample of the latencies: writing all of them down would be measured too.
            .args(["-l", "--log-prefix", "times", "--sampling-rate", "0.2"])
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &server.port.to_string(),
                "-U",
                "crossfade",
            ])
            .args([
                "-c",
                &connections.to_string(),
                "-T",
                &length.as_secs().to_string(),
            ])
            .arg(format!("people_{}", world.users))
            .env("PGPASSWORD", PASSWORD)
            .output()
            .in_step(STEP)?;
        let database_cpu = server.cpu().saturating_sub(before);
        let text = String::from_utf8_lossy(&output.stdout);
        let field = |name: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().split(' ').next()?.parse().ok()
        };
        let processed = field("number of transactions actually processed: ");
        let (Some(processed), Some(rate), true) = (processed, field("tps = "), output.status.success())
        else {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Fault::new(
                STEP,
                format!("pgbench: {}", said.lines().next().unwrap_or_default()),
            ));
        };
        Ok(Measured {
            requests: processed as usize,
            failed: field("number of failed transactions: ").unwrap_or(0.0) as usize,
            took: Duration::from_secs_f64(processed / rate),
            service_cpu: None,
            database_cpu,
            latencies: latencies(&folder)?,
        })
    }
}

/// The third column of pgbench's logs, one file a thread.
fn latencies(folder: &Path) -> Done<Vec<Duration>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).in_step(STEP)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with("times") {
            let text = fs::read_to_string(entry.path()).in_step(STEP)?;
            all.extend(
                text.lines()
                    .filter_map(|line| line.split(' ').nth(2)?.parse().ok().map(Duration::from_micros)),
            );
        }
    }
    Ok(all)
}

impl Script {
    fn text(self, users: u32) -> Done<String> {
        Ok(match self {
            Self::Select => format!(
                "\\set uid random(1, {users}) + 1000000000000000000\n\
                 SELECT id, firebase_uid, email, username, display_name, user_type, is_active, token_balance, auth_provider, \
                 email_verified, photo_url, last_login, created_at, updated_at, valid_since \
                 FROM auth.users WHERE firebase_uid = :uid;\n"
            ),
            Self::Insert => "\\set uid random(2000000000000000000, 9000000000000000000)\n\
                 INSERT INTO auth.users (id, firebase_uid, email, email_verified, auth_provider, last_login) \
                 VALUES (gen_random_uuid(), :uid::bigint::text, :uid::bigint::text, true, 'firebase', now());\n"
                .to_owned(),
            Self::MoveRandom => movement(&user_id_sql(":person::bigint"), users)?,
            Self::MoveOne => movement(&user_id_sql("1"), users)?,
        })
    }
}

/// The ledger's statement with pgbench's variables for its parameters. pgbench takes any `:name` for one, in quotes too, so the
/// accounts' colons are spelled `chr(58)`.
fn movement(user: &str, users: u32) -> Done<String> {
    let folder = paths::root().join("origin/crates/ledger/src/statements");
    let mut sql = String::new();
    for file in ["move_one.sql", "move.sql"] {
        let text = fs::read_to_string(folder.join(file)).in_step(STEP)?;
        for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
            sql.push_str(line);
            sql.push('\n');
        }
    }
    for (parameter, value) in [
        ("'system:", "'system' || chr(58) || '"),
        ("$10", r#"'{"reason" : "bench"}'"#),
        ("$9", "1::bigint"),
        ("$8", &format!("decode('{}', 'hex')", "ab".repeat(32))),
        ("$7", ":key"),
        ("$6", "'pgbench'"),
        ("$5", "1"),
        ("$4", "0"),
        ("$3", "1"),
        ("$2", "1"),
        ("$1", user),
    ] {
        sql = sql.replace(parameter, value);
    }
    Ok(format!(
        "\\set person random(1, {users})\n\\set key random(1, 1000000000000000000)\n{};\n",
        sql.trim_end()
    ))
}
