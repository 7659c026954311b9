//! `postgres://user:password@host:port,host:port/database?parameter=value`
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>).
//!
//! An unknown parameter is refused, not dropped: a dropped `ssl_mode=verify-full` would verify nothing.

use std::str::FromStr;
use std::time::Duration;

use shared::config::whole_number;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::servers::{Role, Servers};

/// How long one server may take to accept a session, unless `connect_timeout` sets another limit.
pub(super) const ATTEMPT: Duration = Duration::from_secs(2);
/// The most servers.
const MAX_SERVERS: usize = 8;

/// Parameters that the library reads itself.
const PASSED_ON: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Parameters that libpq knows, with the values that change nothing here.
const HARMLESS: [(&str, &[&str]); 9] = [
    ("channel_binding", &["disable", "prefer"]),
    ("gssencmode", &["disable", "prefer"]),
    ("sslnegotiation", &["postgres"]),
    ("sslcompression", &["0"]),
    ("load_balance_hosts", &["disable"]),
    ("client_encoding", &["UTF8", "utf8", "UTF-8", "utf-8", "auto"]),
    ("require_auth", &[]),
    ("keepalives", &["1"]),
    ("target_session_attrs", &["any", "read-write", "primary"]),
];

/// The servers of a URL.
#[derive(Debug)]
pub(super) struct DatabaseUrl {
    pub servers: Servers,
    /// Whether the URL says how to use TLS.
    pub names_ssl_mode: bool,
}

pub(super) fn read(text: &str) -> Result<DatabaseUrl, String> {
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
        .ok_or("is not a postgres:// URL")?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    let parameters = Parameters::read(query)?;
    let passed_on = parameters.passed_on();
    let hosts: Vec<&str> = hosts.split(',').collect();
    if hosts.len() > MAX_SERVERS || (hosts.len() > 1 && hosts.iter().any(|host| host.is_empty())) {
        return Err(format!("names an empty host, or more than {MAX_SERVERS}"));
    }
    let list = hosts
        .iter()
        .map(|host| server(&format!("postgres://{user}{host}/{path}?{passed_on}")))
        .collect::<Result<Vec<_>, _>>()?;
    let is_plain = list
        .iter()
        .any(|server| matches!(server.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow));
    if is_plain && parameters.has(&["sslrootcert", "ssl-root-cert", "ssl-ca"]) {
        return Err("has a sslrootcert that its sslmode does not look at".to_owned());
    }
    let attempt = match parameters.value("connect_timeout") {
        None => ATTEMPT,
        Some(text) => {
            let seconds =
                whole_number(text, 1..=60).map_err(|rule| format!("has a connect_timeout that {rule}"))?;
            Duration::from_secs(seconds.unsigned_abs())
        }
    };
    let role = match parameters.value("target_session_attrs") {
        Some("read-write") => Role::ReadWrite,
        Some("primary") => Role::Primary,
        _ => Role::Any,
    };
    Ok(DatabaseUrl {
        servers: Servers { list, role, attempt },
        names_ssl_mode: parameters.has(&["sslmode", "ssl-mode"]),
    })
}

fn server(url: &str) -> Result<PgConnectOptions, &'static str> {
    // The library's error may quote the URL, and with it the password.
    let server = PgConnectOptions::from_str(url).map_err(|_| "is not a usable postgres:// URL")?;
    let bare = bare(server.get_host()).to_owned();
    Ok(server.host(&bare))
}

/// An IPv6 address has brackets in a URL and nowhere else.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, String> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(format!("has the parameter {} twice", shown(name, query)));
            }
            check(name, value, query)?;
            found.push((name, value));
        }
        Ok(Self(found))
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| *value)
    }

    fn has(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| names.contains(name))
    }

    fn passed_on(&self) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| is_passed_on(name))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }
}

fn is_passed_on(name: &str) -> bool {
    PASSED_ON.contains(&name) || name.starts_with("options[")
}

fn check(name: &str, value: &str, query: &str) -> Result<(), String> {
    if name == "connect_timeout" {
        return Ok(());
    }
    if let Some((name, values)) = HARMLESS.iter().find(|(known, _)| *known == name) {
        return if values.contains(&value) {
            Ok(())
        } else if values.is_empty() {
            Err(format!("has the parameter {name}, which cannot be honoured here"))
        } else {
            Err(format!(
                "has the parameter {name}, of which only {} can be honoured here",
                values.join(", ")
            ))
        };
    }
    if !is_passed_on(name) {
        return Err(format!(
            "has the parameter {}, which is not known here",
            shown(name, query)
        ));
    }
    if matches!(name, "host" | "hostaddr" | "port") && value.contains(',') {
        return Err(
            "has a list in its parameters; several servers are named as host:port,host:port".to_owned(),
        );
    }
    Ok(())
}

/// The parameter's name, if it cannot be part of a secret: an unescaped `?` in a password turns the rest of the password into "parameters".
fn shown(name: &str, query: &str) -> String {
    let is_name = (2..=40).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'));
    if is_name && !query.contains('@') {
        format!("`{name}`")
    } else {
        "(whose name is not repeated)".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str) -> String {
        read(url).unwrap_err()
    }

    #[test]
    fn each_host_has_its_own_port() {
        let url = read("postgres://app:secret@db-1:5433,db-2,[::1]:5434/people?target_session_attrs=read-write&connect_timeout=3")
            .unwrap();
        let servers = url.servers;
        let places: Vec<(&str, u16)> = servers
            .list
            .iter()
            .map(|one| (one.get_host(), one.get_port()))
            .collect();
        assert_eq!(places, [("db-1", 5433), ("db-2", 5432), ("::1", 5434)]);
        assert!(
            servers
                .list
                .iter()
                .all(|one| one.get_database() == Some("people") && one.get_username() == "app")
        );
        assert_eq!(servers.role, Role::ReadWrite);
        assert_eq!(servers.attempt, Duration::from_secs(3));
    }

    #[test]
    fn both_spellings_of_a_socket_are_read() {
        for url in [
            "postgres://app@%2Frun%2Fpg:5433/people",
            "postgres:///people?host=/run/pg&port=5433&user=app",
        ] {
            let servers = read(url).unwrap().servers;
            let server = &servers.list[0];
            let socket = server.get_socket().map(|path| path.display().to_string());
            assert_eq!(
                (socket.as_deref(), server.get_port()),
                (Some("/run/pg"), 5433),
                "{url}"
            );
        }
    }

    #[test]
    fn unsupported_parameters_are_refused_by_name() {
        for (parameters, named) in [
            ("ssl_mode=verify-full", "`ssl_mode`"),
            ("channel_binding=require", "channel_binding"),
            ("target_session_attrs=standby", "target_session_attrs"),
            ("gssencmode=require", "gssencmode"),
            ("keepalives_idle=30", "`keepalives_idle`"),
            ("require_auth=scram-sha-256", "require_auth"),
            ("sslmode=disable&sslmode=require", "`sslmode`"),
            ("sslmode=disable&sslrootcert=/ca.pem", "sslrootcert"),
            ("connect_timeout=0", "connect_timeout"),
            ("host=a,b", "host:port"),
        ] {
            let fault = fault(&format!("postgres://app@db/people?{parameters}"));
            assert!(fault.contains(named), "{parameters}: {fault}");
        }
    }

    #[test]
    fn parameters_without_effect_pass() {
        for parameters in [
            "channel_binding=prefer",
            "sslmode=verify-full&sslrootcert=/ca.pem",
            "application_name=x&options[search_path]=auth",
            "target_session_attrs=any&gssencmode=disable",
            "",
        ] {
            assert!(
                read(&format!("postgres://app@db/people?{parameters}")).is_ok(),
                "{parameters}"
            );
        }
    }

    #[test]
    fn password_with_question_mark_is_not_quoted() {
        let fault = fault("postgres://app:hunter?secretpart@db/people");
        assert!(!fault.contains("secretpart"), "{fault}");
    }
}
