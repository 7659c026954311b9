//! Which database, and how much of it.

use std::str::FromStr;
use std::time::Duration;

use shared::config::{Reader, whole_number};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The database and how to use it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Server, database, role and session settings.
    pub connect: PgConnectOptions,
    /// The most connections held. Every replica counts against the server's `max_connections`.
    pub pool_max: u32,
    /// How long a request waits for a connection before it is answered 503.
    pub acquire_timeout: Duration,
}

impl DatabaseConfig {
    /// Reads `DATABASE_URL`, or `DB_HOST`, `DB_PORT` (5432), `DB_NAME`, `DB_USER`, `DB_PASSWORD`; then `DB_SSLMODE`, `DB_SCHEMA`
    /// (only `auth` exists), `DB_POOL_MAX` (20), `DB_POOL_ACQUIRE_MS` (1000) and `DB_STATEMENT_TIMEOUT_MS` (5000).
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let server = if reader.text("DATABASE_URL").is_some() {
            reader.required("DATABASE_URL", url)
        } else {
            parts(reader)
        };
        let ssl_mode = reader.optional("DB_SSLMODE", |text| {
            PgSslMode::from_str(text)
                .map_err(|_| "is none of disable, allow, prefer, require, verify-ca, verify-full")
        });
        reader.optional("DB_SCHEMA", |text| {
            if text == "auth" {
                Ok(())
            } else {
                Err("is not `auth`, the schema the tables live in")
            }
        });
        let pool_max = reader.or("DB_POOL_MAX", 20, |text| {
            whole_number(text, 1..=1000).map(|number| u32::try_from(number).unwrap_or(1))
        });
        let acquire = reader.or("DB_POOL_ACQUIRE_MS", 1000, |text| whole_number(text, 10..=60_000));
        let statement = reader.or("DB_STATEMENT_TIMEOUT_MS", 5000, |text| {
            whole_number(text, 10..=600_000)
        });
        let mut connect = server?
            .application_name("crossfade-origin")
            .options([
                ("statement_timeout", format!("{statement}ms")),
                // A transaction left open by a lost client must not hold locks for long.
                ("idle_in_transaction_session_timeout", "10s".to_owned()),
            ])
            .statement_cache_capacity(200);
        if let Some(mode) = ssl_mode {
            connect = connect.ssl_mode(mode);
        }
        Some(Self {
            connect,
            pool_max,
            acquire_timeout: Duration::from_millis(acquire.unsigned_abs()),
        })
    }
}

fn url(text: &str) -> Result<PgConnectOptions, &'static str> {
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err("is not a postgres:// URL");
    }
    // The library's error may quote the URL, and with it the password.
    PgConnectOptions::from_str(text).map_err(|_| "is not a usable postgres:// URL")
}

fn parts(reader: &mut Reader<'_>) -> Option<PgConnectOptions> {
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
    Some(
        PgConnectOptions::new_without_pgpass()
            .host(&host?)
            .port(port)
            .database(&name?)
            .username(&user?)
            .password(&password?),
    )
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
    fn the_parts_say_the_same_as_the_url() {
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
        let (by_url, by_parts) = (by_url.unwrap().connect, by_parts.unwrap().connect);
        assert_eq!(by_url.get_host(), by_parts.get_host());
        assert_eq!(by_url.get_port(), by_parts.get_port());
        assert_eq!(by_url.get_database(), by_parts.get_database());
        assert_eq!(by_url.get_username(), by_parts.get_username());
    }

    #[test]
    fn what_is_missing_or_bad_is_named() {
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
        ] {
            assert_eq!(read(pairs).1, names, "{pairs:?}");
        }
    }
}
