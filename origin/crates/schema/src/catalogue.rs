//! The migrations, compiled in.

use std::sync::LazyLock;

use ring::digest::{SHA256, digest};

/// How a script must be run, by its first line (`-- mode: …`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything in one transaction, together with its entry in the history (no mode line).
    Transaction,
    /// `no-transaction`: one statement that PostgreSQL refuses to run inside one, such as `CREATE INDEX CONCURRENTLY`.
    NoTransaction,
    /// `steps`: parts divided by `-- step` lines, each a transaction of its own and repeatable.
    Steps,
    /// `batched`: one statement with a cursor (`$1`, the last id) and a size (`$2`), called until it returns no id.
    Batched,
    /// `nothing`: the script has no statement and explains why.
    Nothing,
}

/// One direction of a migration.
#[derive(Debug)]
pub(super) struct Script {
    pub sql: &'static str,
    /// Read-only query of findings (`finding text, blocking boolean`), which the runner asks before it changes anything.
    pub check: Option<&'static str>,
}

impl Script {
    pub fn mode(&self) -> Mode {
        match self.directive("mode") {
            Some("no-transaction") => Mode::NoTransaction,
            Some("steps") => Mode::Steps,
            Some("batched") => Mode::Batched,
            Some("nothing") => Mode::Nothing,
            _ => Mode::Transaction,
        }
    }

    /// The index that this script builds, `schema.name`, if any.
    pub fn index(&self) -> Option<&'static str> {
        self.directive("index")
    }

    /// The parts between `-- step` lines.
    pub fn steps(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.sql.split("\n-- step\n")
    }

    fn directive(&self, name: &str) -> Option<&'static str> {
        self.sql
            .lines()
            .take_while(|line| line.starts_with("--"))
            .find_map(|line| line.strip_prefix("-- ")?.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// One numbered change.
#[derive(Debug)]
pub(super) struct Migration {
    pub version: u32,
    /// File name without direction, `0003_firebase_uid_unique`.
    pub name: &'static str,
    pub up: Script,
    pub down: Script,
}

impl Migration {
    /// SHA-256 of the way up, in hexadecimal. A release may correct the way down, never the way up.
    pub fn checksum(&self) -> String {
        hex(digest(&SHA256, self.up.sql.as_bytes()).as_ref())
    }

    /// Whether `recorded` is the sum of this text. A program that was built from a checkout with CRLF recorded the sum of those bytes; the
    /// server ran the same statements.
    pub fn is_recorded_as(&self, recorded: &str) -> bool {
        let with_crlf = || self.up.sql.replace('\n', "\r\n");
        recorded == self.checksum() || recorded == hex(digest(&SHA256, with_crlf().as_bytes()).as_ref())
    }

    /// The table that the way up fills with many rows, `schema.name`. It is named here because the script may no longer be edited.
    pub const fn filled(&self) -> Option<&'static str> {
        match self.version {
            10 => Some("auth.token_transfers"),
            25 => Some("auth.welcome_grants"),
            _ => None,
        }
    }
}

pub(super) fn fingerprint() -> String {
    let texts: Vec<&str> = MIGRATIONS.iter().map(|migration| migration.up.sql).collect();
    hex(digest(&SHA256, texts.join("\0").as_bytes()).as_ref())
        .chars()
        .take(16)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The migration that creates or adopts the legacy service's tables.
pub(super) const BASELINE: &str = "0001_baseline";

/// The content of a file with LF, whatever line ends the checkout gave it: sums, and the lines that divide a script, depend on the content
/// only.
fn with_lf(text: &'static str) -> &'static str {
    if text.contains('\r') {
        Box::leak(text.replace("\r\n", "\n").into_boxed_str())
    } else {
        text
    }
}

/// In order, as the build script lists them. A version is never reused and an applied file never edited.
pub(super) static MIGRATIONS: LazyLock<Vec<Migration>> =
    LazyLock::new(|| include!(concat!(env!("OUT_DIR"), "/migrations.rs")));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_migration_file_is_compiled_in_under_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../migrations");
        let on_disk: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".sql"))
            .collect();
        let mut compiled = BTreeSet::new();
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, index + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
            compiled.insert(format!("{}.up.sql", migration.name));
            compiled.insert(format!("{}.down.sql", migration.name));
            compiled.extend(
                migration
                    .up
                    .check
                    .map(|_| format!("{}.up.check.sql", migration.name)),
            );
            compiled.extend(
                migration
                    .down
                    .check
                    .map(|_| format!("{}.down.check.sql", migration.name)),
            );
        }
        assert_eq!(on_disk, compiled);
    }

    #[test]
    fn checkout_with_crlf_is_the_same_catalogue() {
        for migration in MIGRATIONS.iter() {
            let crlf: &'static str = Box::leak(migration.up.sql.replace('\n', "\r\n").into_boxed_str());
            let script = Script {
                sql: with_lf(crlf),
                check: None,
            };
            assert_eq!(script.sql, migration.up.sql);
            assert_eq!(script.mode(), migration.up.mode());
            assert_eq!(script.steps().count(), migration.up.steps().count());
            // The sum that a program from such a checkout has recorded.
            let recorded = hex(digest(&SHA256, crlf.as_bytes()).as_ref());
            assert!(migration.is_recorded_as(&recorded), "{}", migration.name);
            assert!(migration.is_recorded_as(&migration.checksum()));
            assert!(!migration.is_recorded_as(&hex(digest(&SHA256, b"another text").as_ref())));
        }
    }

    /// The sums that databases have recorded: these files may not change.
    #[test]
    fn recorded_sums_stay_valid() {
        let sums: Vec<String> = MIGRATIONS.iter().take(17).map(Migration::checksum).collect();
        let all = hex(digest(&SHA256, sums.concat().as_bytes()).as_ref());
        assert_eq!(
            all,
            "28684b6603d1f207167aa9b5e428862ceff6cd5549dbf8681da43fa74c7a2448"
        );
    }

    #[test]
    fn transaction_script_sets_its_own_timeouts() {
        for script in MIGRATIONS
            .iter()
            .flat_map(|migration| [&migration.up, &migration.down])
        {
            let concurrent = script
                .sql
                .lines()
                .any(|line| !line.starts_with("--") && line.contains("CONCURRENTLY"));
            assert_eq!(concurrent, script.mode() == Mode::NoTransaction, "{}", script.sql);
            if script.mode() == Mode::Transaction {
                assert!(
                    script
                        .sql
                        .lines()
                        .any(|line| line.starts_with("SET LOCAL lock_timeout = ")),
                    "{}",
                    script.sql
                );
                assert!(
                    script.sql.contains("\nSET LOCAL statement_timeout = "),
                    "{}",
                    script.sql
                );
            }
        }
    }

    #[test]
    fn script_outside_a_transaction_is_one_statement_with_its_index() {
        for migration in MIGRATIONS.iter() {
            if migration.up.mode() == Mode::NoTransaction {
                let code: String = migration
                    .up
                    .sql
                    .lines()
                    .filter(|line| !line.starts_with("--"))
                    .collect();
                assert_eq!(code.matches(';').count(), 1, "{}", migration.name);
                let index = migration
                    .up
                    .index()
                    .and_then(|index| index.strip_prefix("auth.").or(index.strip_prefix("public.")))
                    .unwrap();
                assert!(
                    code.contains(&format!(" {index} ")) || code.contains(&format!(" {index}    ")),
                    "{}",
                    migration.name
                );
            }
        }
    }
}
