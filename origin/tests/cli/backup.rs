//! `origin migrate backup`, with PostgreSQL's own client programs and a server that they can dump.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::database::{TestDatabase, connect, execute};
use crate::ended::{Ended, begin, end};
use crate::program;
use crate::server::Server;
use crate::support;
use crate::wait::{signal, until};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use uuid::Uuid;

/// A server that the installed `pg_dump` can dump, with a current schema and three users; and a folder to write to.
struct Place {
    url: String,
    folder: PathBuf,
    programs: PathBuf,
    // Ends with the test.
    _server: Server,
}

impl Place {
    /// `None`, with a message, where no server is installed beside `pg_dump`: an older one cannot dump a newer server.
    async fn find() -> Option<Self> {
        let Some(programs) = installed() else {
            eprintln!("not shown: no PostgreSQL server is installed beside pg_dump");
            return None;
        };
        let server = Server::of(programs.clone()).await;
        let folder = std::env::temp_dir().join(format!("crossfade-backups-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let place = Self {
            url: server.url(),
            folder,
            programs,
            _server: server,
        };
        place.origin("migrate up", &[]).await.expect(0);
        let users = "INSERT INTO auth.users (email, password_hash, token_balance) SELECT 'p' || n || '@example.org', '$2b$04$hash', n FROM generate_series(1, 3) AS n";
        execute(&mut place.connect().await, users).await;
        Some(place)
    }

    async fn connect(&self) -> PgConnection {
        connect(&self.url.parse::<PgConnectOptions>().unwrap()).await
    }

    /// `origin` with PostgreSQL's programs on its path.
    async fn origin(&self, arguments: &str, variables: &[(&str, &str)]) -> Ended {
        end(begin(self.command(arguments, variables))).await
    }

    fn command(&self, arguments: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = program::origin();
        command
            .args(arguments.split_whitespace())
            .env("DATABASE_URL", &self.url)
            .env("PATH", self.path(&[]))
            .envs(variables.iter().copied())
            .current_dir(&self.folder);
        command
    }

    /// A search path with `first` before PostgreSQL's programs and the system's.
    fn path(&self, first: &[&Path]) -> String {
        let mut folders: Vec<&Path> = first.to_vec();
        folders.extend([self.programs.as_path(), Path::new("/usr/bin"), Path::new("/bin")]);
        std::env::join_paths(folders).unwrap().into_string().unwrap()
    }

    /// A search path on which `program` is this script. `$real` is the real program, which also answers the version.
    fn path_with(&self, program: &str, script: &str) -> String {
        let folder = self.folder.join("programs");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(program);
        let real = self.programs.join(program);
        let text = format!(
            "#!/bin/sh\nreal='{}'\n[ \"$1\" = --version ] && exec \"$real\" \"$@\"\n{script}\n",
            real.display()
        );
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.path(&[&folder])
    }

    /// The files in the folder, except for our programs.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "programs")
            .collect();
        names.sort();
        names
    }

    /// Databases of restore tests on the server.
    async fn copies(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname LIKE 'crossfade_restore_test%'")
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of an installation with server and client programs: the folder of `pg_dump`, or Debian's folder behind its wrapper.
fn installed() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    std::env::split_paths(&on_path).chain(debian).find(|folder| {
        ["pg_dump", "pg_restore", "psql", "postgres", "initdb"]
            .iter()
            .all(|name| folder.join(name).exists())
    })
}

#[tokio::test]
async fn backup_is_proven_by_restore_and_never_overwritten() {
    let Some(place) = Place::find().await else { return };
    let done = place
        .origin("migrate backup --output auth.dump", &[])
        .await
        .expect(0)
        .says(&[
            "written: auth.dump (",
            "auth.users                                          3 rows",
            "auth.token_transfers                                3 rows",
            "proven: restored into a scratch database, every count agreed",
        ]);
    let file = std::fs::metadata(place.folder.join("auth.dump")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600, "others may read it");
    assert!(
        done.stdout.contains(&format!("({} bytes", file.len())),
        "{done:?}"
    );
    assert_eq!(
        (place.files(), place.copies().await),
        (vec!["auth.dump".to_owned()], 0)
    );

    // An operator's steps on the day of need.
    execute(&mut place.connect().await, "CREATE DATABASE needed").await;
    let mut restore = Command::new(place.programs.join("pg_restore"));
    let address = place.url.replace("/postgres", "/needed");
    restore
        .args(["--exit-on-error", "--no-owner", "--dbname", &address])
        .arg(place.folder.join("auth.dump"));
    end(begin(restore)).await.expect(0);
    for verb in ["migrate status", "migrate verify", "ledger reconcile"] {
        place.origin(verb, &[("DATABASE_URL", &address)]).await.expect(0);
    }

    let again = place.origin("migrate backup --output auth.dump", &[]).await;
    again
        .expect(1)
        .complains(&["BACKUP_FILE: auth.dump exists already"]);
    place
        .origin("migrate backup --output quick.dump --skip-restore-test", &[])
        .await
        .expect(0)
        .says(&["NOT proven: the restore test was skipped"]);
}

#[tokio::test]
async fn incomplete_dump_is_no_backup() {
    let Some(place) = Place::find().await else { return };
    let path = place.path_with(
        "pg_dump",
        "exec \"$real\" --exclude-table-data=auth.token_transfers \"$@\"",
    );
    place
        .origin("migrate backup --output auth.dump", &[("PATH", &path)])
        .await
        .expect(1)
        .complains(&[
            "BACKUP_NOT_RESTORABLE: ",
            "auth.token_transfers: 3 rows, restored 0",
        ]);
    assert_eq!((place.files(), place.copies().await), (Vec::new(), 0));
}

#[tokio::test]
async fn dump_may_take_longer_than_the_service_lets_a_transaction_idle() {
    let Some(place) = Place::find().await else { return };
    // The session holds its snapshot until the first session has idled for longer than that, or has ended.
    let idle = "SELECT coalesce(bool_and(state_change < now() - interval '11 seconds'), true) FROM pg_sleep(0.2), pg_stat_activity \
                WHERE state = 'idle in transaction' AND application_name LIKE 'crossfade-backup%'";
    let path = place.path_with(
        "pg_dump",
        &format!("\"$real\" \"$@\" || exit\nwhile [ \"$(psql -Atc \"{idle}\" postgres)\" = f ]; do :; done"),
    );
    place
        .origin("migrate backup --output auth.dump", &[("PATH", &path)])
        .await
        .expect(0)
        .says(&["proven: "]);
}

#[tokio::test]
async fn partial_file_of_another_backup_is_untouched() {
    let Some(place) = Place::find().await else { return };
    let theirs = place.folder.join("auth.dump.partial");
    std::fs::write(&theirs, "half a dump").unwrap();
    place
        .origin("migrate backup --output auth.dump", &[])
        .await
        .expect(1)
        .complains(&[
            "BACKUP_FILE: auth.dump.partial is there",
            "Remove it if none is running",
        ]);
    assert_eq!(std::fs::read_to_string(&theirs).unwrap(), "half a dump");

    execute(
        &mut place.connect().await,
        "CREATE DATABASE crossfade_restore_test_of_last_week",
    )
    .await;
    place
        .origin("migrate backup --output other.dump", &[])
        .await
        .expect(0)
        .says(&["also on this server: crossfade_restore_test_of_last_week"]);
    assert_eq!(place.copies().await, 1);
}

#[tokio::test]
async fn stopped_backup_leaves_nothing() {
    let Some(place) = Place::find().await else { return };
    for (program, name) in [("pg_restore", "INT"), ("pg_dump", "TERM")] {
        // It begins like the real program, and then never ends.
        let path = place.path_with(
            program,
            "\"$real\" \"$@\" && echo $$ > programs/begun && exec tail -f /dev/null",
        );
        let child = begin(place.command("migrate backup --output auth.dump", &[("PATH", &path)]));
        let begun = place.folder.join("programs/begun");
        let mut process = String::new();
        until("it begins", async || {
            process = std::fs::read_to_string(&begun).unwrap_or_default();
            process.ends_with('\n')
        })
        .await;
        signal(child.id(), name);
        let ended = end(child).await;
        assert_eq!(
            (place.files(), place.copies().await),
            (Vec::new(), 0),
            "{ended:?}"
        );
        ended.expect(1).complains(&["BACKUP_STOPPED: "]);
        until("the program it ran is gone", async || !runs(process.trim())).await;
        std::fs::remove_file(&begun).unwrap();
    }
}

/// Whether the process runs and is not a zombie.
fn runs(process: &str) -> bool {
    let ps = Command::new("ps")
        .args(["-o", "stat=", "-p", process])
        .output()
        .unwrap();
    let state = String::from_utf8(ps.stdout).unwrap();
    !matches!(state.trim().chars().next(), None | Some('Z'))
}

#[tokio::test]
async fn impossible_backup_is_reported_and_leaves_nothing() {
    let Some(place) = Place::find().await else { return };
    let roles = "CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader; CREATE ROLE stranger LOGIN;";
    execute(&mut place.connect().await, roles).await;
    let url = |role: &str| place.url.replace("tester@", &format!("{role}@"));
    let backup = async |variables: &[(&str, &str)]| {
        let ended = place.origin("migrate backup --output auth.dump", variables).await;
        assert_eq!(
            (place.files(), place.copies().await),
            (Vec::new(), 0),
            "{ended:?}"
        );
        ended.expect(1)
    };

    backup(&[("DATABASE_URL", &url("reader"))]).await.complains(&[
        "BACKUP_SCRATCH_DATABASE",
        "because: permission denied to create database (SQLSTATE 42501)",
    ]);
    backup(&[("DATABASE_URL", &url("stranger"))])
        .await
        .complains(&["BACKUP_PROGRAM_FAILED: pg_dump failed: ", "permission denied"]);
    backup(&[("PATH", "/nowhere")])
        .await
        .complains(&["BACKUP_PROGRAM_MISSING: pg_dump is not on PATH; install PostgreSQL's client programs"]);
    let elsewhere = place.origin("migrate backup --output none/auth.dump", &[]).await;
    elsewhere.expect(1).complains(&[
        "BACKUP_FILE: none/auth.dump.partial could not be written",
        "because: No such file or directory",
    ]);
    let broken = place.path_with("pg_dump", "echo 'disk full' >&2; exit 3");
    backup(&[("PATH", &broken)])
        .await
        .complains(&["BACKUP_PROGRAM_FAILED: pg_dump failed: disk full"]);
}

#[tokio::test]
async fn dump_with_failed_restore_is_kept_as_unproven() {
    let Some(place) = Place::find().await else { return };
    let broken = place.path_with(
        "pg_restore",
        "echo 'must be superuser to create this extension' >&2; exit 1",
    );
    let ended = place
        .origin("migrate backup --output auth.dump", &[("PATH", &broken)])
        .await
        .expect(1);
    ended.complains(&[
        "BACKUP_UNPROVEN: the dump is kept as auth.dump.unproven, and is not proven: pg_restore failed: must be superuser",
    ]);
    assert_eq!(
        (place.files(), place.copies().await),
        (vec!["auth.dump.unproven".to_owned()], 0)
    );
}

#[tokio::test]
async fn older_pg_dump_names_the_needed_version() {
    let database = TestDatabase::current().await;
    let major: i32 = database
        .value("SELECT current_setting('server_version_num')::integer / 10000")
        .await;
    let folder = std::env::temp_dir().join(format!("crossfade-old-client-{}", Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("pg_dump");
    std::fs::write(&file, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.to_str().unwrap();
    let refused = support::origin(
        &format!("migrate backup --output {path}/auth.dump"),
        &[("DATABASE_URL", &support::url(&database)), ("PATH", path)],
    )
    .await;
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    std::fs::remove_dir_all(&folder).unwrap();
    refused.expect(1).complains(&[&format!(
        "BACKUP_PROGRAM_TOO_OLD: pg_dump is version 9, the server {major}; an older program cannot dump a newer server. \
         Install PostgreSQL's client programs of version {major}"
    )]);
}
