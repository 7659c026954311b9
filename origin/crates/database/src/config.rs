//! Which database the origin uses, and its limits.

mod url;

use std::str::FromStr;
use std::time::Duration;

use shared::config::{Reader, whole_number};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::pooler::Pooler;
use crate::servers::{Role, Servers};
use url::DatabaseUrl;

/// How many prepared statements a session keeps.
const STATEMENTS: usize = 200;

/// The database and its limits.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Its servers.
    pub servers: Servers,
    /// What gives the origin its sessions: the server or a pooler.
    pub pooler: Pooler,
    /// The servers for migrations, which need a session of their own.
    pub migrations: Servers,
    /// A replica, for reads that may be some seconds old.
    pub replica: Option<Servers>,
    /// The most connections held, with the replica as many again. Every replica counts against the server's `max_connections`.
    pub pool_max: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub acquire_timeout: Duration,
    /// How long a statement may take before the server stops it.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// Reads `DATABASE_URL`, or `DB_HOST`, `DB_PORT` (5432), `DB_NAME`, `DB_USER`, `DB_PASSWORD`; then `MIGRATE_DATABASE_URL` (the same
    /// unless set), `DATABASE_READ_URL` (no replica unless set), `DB_POOLER` (`session`, or `transaction`), `DB_SSLMODE`, `DB_SCHEMA` (only `auth` exists), `DB_POOL_MAX` (20), `DB_POOL_ACQUIRE_MS` (1000) and
    /// `DB_STATEMENT_TIMEOUT_MS` (5000).
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = if reader.text("DATABASE_URL").is_some() {
            reader.required("DATABASE_URL", url::read)
        } else {
            parts(reader)
        };
        let migrations = reader.optional("MIGRATE_DATABASE_URL", url::read);
        let replica = reader.optional("DATABASE_READ_URL", |text| {
            let url = url::read(text)?;
            if url.servers.role != Role::Any {
                return Err("asks for a server that takes writes; a replica takes none".to_owned());
            }
            Ok(url)
        });
        let ssl_mode = reader.optional("DB_SSLMODE", |text| {
            PgSslMode::from_str(text)
                .map_err(|_| "is none of disable, allow, prefer, require, verify-ca, verify-full")
        });
        if ssl_mode.is_some() && url.as_ref().is_some_and(|url| url.names_ssl_mode) {
            reader.fault(
                "DB_SSLMODE",
                "is given beside the sslmode of DATABASE_URL; one of them must go",
            );
        }
        reader.optional("DB_SCHEMA", |text| {
            if text == "auth" {
                Ok(())
            } else {
                Err("is not `auth`, the schema the tables live in")
            }
        });
        let pooler = reader.or("DB_POOLER", Pooler::Session, |text| match text {
            "session" => Ok(Pooler::Session),
            "transaction" => Ok(Pooler::Transaction),
            _ => Err("is neither `session` nor `transaction`"),
        });
        let pool_max = reader.or("DB_POOL_MAX", 20, |text| {
            whole_number(text, 1..=1000).map(|number| u32::try_from(number).unwrap_or(1))
        });
        let acquire = reader.or("DB_POOL_ACQUIRE_MS", 1000, |text| whole_number(text, 10..=60_000));
        let statement = reader.or("DB_STATEMENT_TIMEOUT_MS", 5000, |text| {
            whole_number(text, 10..=600_000)
        });
        let ready = |server: PgConnectOptions| named(server).statement_cache_capacity(STATEMENTS);
        let servers = url?.servers.with(|server| match ssl_mode {
            Some(mode) => ready(server).ssl_mode(mode),
            None => ready(server),
        });
        Some(Self {
            migrations: migrations.map_or_else(|| servers.clone(), |url| url.servers),
            servers,
            replica: replica.map(|url| url.servers.with(ready)),
            pooler,
            pool_max,
            acquire_timeout: Duration::from_millis(acquire.unsigned_abs()),
            statement_timeout: Duration::from_millis(statement.unsigned_abs()),
        })
    }
}

/// Gives the session our name, unless the URL names another; removes a parameter of the library that most poolers refuse.
fn named(server: PgConnectOptions) -> PgConnectOptions {
    let server = server.extra_float_digits(None);
    match server.get_application_name() {
        Some(_) => server,
        None => server.application_name("crossfade-origin"),
    }
}

fn parts(reader: &mut Reader<'_>) -> Option<DatabaseUrl> {
    let present = |text: &str| {
        if text.trim().is_empty() {
            Err("is blank")
        } else {
            Ok(text.to_owned())
        }
    };
    if ["DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD"]
        .iter()
        .all(|name| reader.text(name).is_none())
    {
        reader.fault(
            "DATABASE_URL",
            "is required (or DB_HOST, DB_NAME, DB_USER and DB_PASSWORD)",
        );
        return None;
    }
    let host = reader.required("DB_HOST", present);
    let port = reader.or("DB_PORT", 5432, |text| {
        whole_number(text, 1..=65_535).map(|port| u16::try_from(port).unwrap_or(5432))
    });
    let name = reader.required("DB_NAME", present);
    let user = reader.required("DB_USER", present);
    let password = reader.required("DB_PASSWORD", |text| Ok::<_, &str>(text.to_owned()));
    let server = PgConnectOptions::new_without_pgpass()
        .host(url::bare(&host?))
        .port(port)
        .database(&name?)
        .username(&user?)
        .password(&password?);
    Some(DatabaseUrl {
        servers: Servers {
            list: vec![server],
            role: Role::Any,
            attempt: url::ATTEMPT,
        },
        names_ssl_mode: false,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Option<DatabaseConfig>, Vec<String>) {
        let table: BTreeMap<String, String> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut reader = Reader::new(&table);
        let config = DatabaseConfig::read(&mut reader);
        let faults = reader.faults().iter().map(|fault| fault.name.clone()).collect();
        (config, faults)
    }

    #[test]
    fn separate_variables_equal_the_url() {
        let (by_url, faults) = read(&[("DATABASE_URL", "postgres://app:secret@db.internal:6432/people")]);
        assert!(faults.is_empty(), "{faults:?}");
        let (by_parts, faults) = read(&[
            ("DB_HOST", "db.internal"),
            ("DB_PORT", "6432"),
            ("DB_NAME", "people"),
            ("DB_USER", "app"),
            ("DB_PASSWORD", "secret"),
            ("DB_SCHEMA", "auth"),
        ]);
        assert!(faults.is_empty(), "{faults:?}");
        let (by_url, by_parts) = (by_url.unwrap().servers.list, by_parts.unwrap().servers.list);
        let (by_url, by_parts) = (&by_url[0], &by_parts[0]);
        assert_eq!(by_url.get_host(), by_parts.get_host());
        assert_eq!(by_url.get_port(), by_parts.get_port());
        assert_eq!(by_url.get_database(), by_parts.get_database());
        assert_eq!(by_url.get_username(), by_parts.get_username());
    }

    #[test]
    fn missing_and_bad_variables_are_named() {
        for (pairs, names) in [
            (&[][..], &["DATABASE_URL"][..]),
            (&[("DATABASE_URL", "db")], &["DATABASE_URL"]),
            (
                &[("DB_HOST", "db"), ("DB_PORT", "x")],
                &["DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD"],
            ),
            (
                &[("DATABASE_URL", "postgres://db/app"), ("DB_SCHEMA", "public")],
                &["DB_SCHEMA"],
            ),
            (
                &[("DATABASE_URL", "postgres://db/app"), ("DB_SSLMODE", "yes")],
                &["DB_SSLMODE"],
            ),
            (
                &[
                    ("DATABASE_URL", "postgres://db/app?sslmode=require"),
                    ("DB_SSLMODE", "disable"),
                ],
                &["DB_SSLMODE"],
            ),
            (
                &[("DATABASE_URL", "postgres://db/app?ssl_mode=require")],
                &["DATABASE_URL"],
            ),
            (
                &[
                    ("DATABASE_URL", "postgres://db/app"),
                    (
                        "DATABASE_READ_URL",
                        "postgres://db-2/app?target_session_attrs=read-write",
                    ),
                ],
                &["DATABASE_READ_URL"],
            ),
        ] {
            assert_eq!(read(pairs).1, names, "{pairs:?}");
        }
    }
}
