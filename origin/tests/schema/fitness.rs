//! The properties that a database must have before a migration, and other sessions' work during one.

use std::process::Command;
use std::time::Duration;

use schema::{self, Options, SchemaError, status};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _};
use uuid::Uuid;

use crate::server::Server;
use crate::support::{TestDatabase, connect, execute, run_blocking, server};

/// A database with other settings than the server's; dropping the value drops it.
struct Odd {
    options: PgConnectOptions,
    name: String,
}

impl Odd {
    async fn with(settings: &str) -> Self {
        let name = format!("odd_{}", Uuid::new_v4().simple());
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 {settings}");
        execute(&mut connect(&server()).await, &create).await;
        Self {
            options: server().database(&name),
            name,
        }
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        run_blocking(async move { execute(&mut connect(&server()).await, &drop).await });
    }
}

#[tokio::test]
async fn database_with_other_case_folding_is_refused() {
    for (settings, word) in [
        ("ENCODING 'UTF8' LOCALE 'C'", "otherwise than the services do"),
        (
            "ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C.UTF-8'",
            "otherwise than the services do, I",
        ),
        ("ENCODING 'LATIN1' LOCALE 'C'", "encoding is LATIN1"),
        ("ENCODING 'SQL_ASCII' LOCALE 'C'", "encoding is SQL_ASCII"),
    ] {
        let odd = Odd::with(settings).await;
        assert_refused(&odd.options, settings, word).await;
    }
    let usual = Odd::with("ENCODING 'UTF8' LOCALE 'C.UTF-8'").await;
    assert_eq!(
        status::read(&usual.options).await.unwrap().unfit,
        Vec::<String>::new()
    );
}

async fn assert_refused(options: &PgConnectOptions, settings: &str, word: &str) {
    let refused = schema::up(options, &Options::default(), &mut |_| {}).await;
    let Err(SchemaError::NotReady(findings)) = refused else {
        panic!("{settings}: {refused:?}");
    };
    assert!(findings[0].text.contains(word), "{settings}: {findings:?}");
    let found = schema::verify::read(options).await.unwrap().differences;
    assert!(
        found.iter().any(|text| text.contains(word)),
        "{settings}: {found:?}"
    );
    let unfit = status::read(options).await.unwrap().unfit;
    assert!(
        unfit.iter().any(|text| text.contains(word)),
        "{settings}: {unfit:?}"
    );
}

/// Turkish by the C library, whose `lower` differs from ICU's. Few machines have that locale; most can make it.
#[tokio::test]
async fn database_with_a_turkish_locale_of_the_c_library_is_refused() {
    let locales = std::env::temp_dir().join(format!("crossfade-locales-{}", Uuid::new_v4()));
    std::fs::create_dir(&locales).unwrap();
    let made = Command::new("localedef")
        .args(["--no-archive", "-i", "tr_TR", "-f", "UTF-8"])
        .arg(locales.join("tr_TR.UTF-8"))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("not shown: the locale tr_TR.UTF-8 cannot be made here (Debian: locales)");
        return;
    }
    let server = Server::with_locales(locales.clone()).await;
    let options: PgConnectOptions = server.url().parse().unwrap();
    let create = "CREATE DATABASE odd TEMPLATE template0 ENCODING 'UTF8' LOCALE 'tr_TR.UTF-8'";
    execute(&mut connect(&options).await, create).await;
    assert_refused(
        &options.database("odd"),
        "tr_TR.UTF-8",
        "otherwise than the services do, I",
    )
    .await;
    std::fs::remove_dir_all(&locales).unwrap();
}

#[tokio::test]
async fn role_without_create_rights_passes_a_current_schema() {
    let database = TestDatabase::current().await;
    let role = format!("reader_{}", Uuid::new_v4().simple());
    database
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA auth TO {role}; \
             GRANT SELECT ON auth.schema_migrations TO {role}"
        ))
        .await;
    let options = database.options.clone().username(&role).password("x");
    let applied = schema::up(&options, &Options::default(), &mut |_| {}).await;
    database
        .execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"))
        .await;
    assert_eq!(applied.unwrap(), Vec::<u32>::new());
}

/// An operator rebuilds an index while a replica starts: that index is neither a fault nor a leftover.
#[tokio::test]
async fn running_reindex_is_left_alone() {
    for what in [
        "INDEX CONCURRENTLY auth.users_email_key",
        "TABLE CONCURRENTLY auth.users",
    ] {
        let database = TestDatabase::current().await;
        // A writer's transaction makes the reindex wait in its middle.
        let mut writer = database.connect().await;
        execute(&mut writer, "BEGIN; LOCK TABLE auth.users IN ROW EXCLUSIVE MODE").await;
        let mut operator = database.connect().await;
        let reindex = tokio::spawn(async move {
            let done = sqlx::raw_sql(AssertSqlSafe(format!("REINDEX {what}")))
                .execute(&mut operator)
                .await
                .map(drop);
            operator.close().await.unwrap();
            done
        });
        let invalid = "SELECT EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)";
        let begun = async {
            while !database.value::<bool>(invalid).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), begun)
            .await
            .unwrap();

        let status = status::read(&database.options).await.unwrap();
        assert!(status.is_current(), "{what}: {status:?}");
        let differences = schema::verify::read(&database.options).await.unwrap().differences;
        assert_eq!(differences, Vec::<String>::new(), "{what}");
        let up = tokio::time::timeout(Duration::from_secs(60), database.up()).await;
        assert_eq!(up.expect("it waits for the reindex").unwrap(), Vec::<u32>::new());
        assert!(!reindex.is_finished(), "{what}");

        execute(&mut writer, "COMMIT").await;
        reindex.await.unwrap().unwrap();
        let status = status::read(&database.options).await.unwrap();
        assert!(status.is_current(), "{what}: {status:?}");
    }
}
