//! Checks the database: it answers, has our schema, has room for this pool, and its clock agrees.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use database::DatabaseConfig;
use database::{A_COMMIT_WAITS_FOR_A_STANDBY, Pooler, Role, Servers, SharedSessions};
use schema::SchemaError;
use schema::status::{self, State};
use sqlx::PgConnection;
use sqlx::postgres::PgConnectOptions;

use super::finding::{Finding, distance};
use crate::cli::reason::counted;
use crate::clock;

const PATIENCE: Duration = Duration::from_secs(5);
/// With a greater difference, tokens that are valid here are expired there.
const MOST_SECONDS_APART: i64 = 5;

pub(super) async fn look(config: &DatabaseConfig) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut config = Cow::Borrowed(config);
    if config.servers.list.len() > 1 {
        let (finding, serving) = servers(&config.servers).await;
        findings.push(finding);
        // The servers' own finding names the lost ones; the other checks use the serving one and wait for no other.
        if let Some(server) = serving {
            config.to_mut().servers.list = vec![server];
        }
    }
    findings.extend(look_at_one(&config).await);
    findings
}

/// Reports each server by its place in the list (host names must not be printed); answers the first acceptable one.
async fn servers(servers: &Servers) -> (Finding, Option<PgConnectOptions>) {
    let mut answers = Vec::new();
    let looks: Vec<_> = servers
        .list
        .iter()
        .map(|server| {
            let alone = Servers {
                list: vec![server.clone()],
                role: Role::Any,
                attempt: servers.attempt,
            };
            tokio::spawn(async move { tokio::time::timeout(PATIENCE, takes_writes(&alone)).await })
        })
        .collect();
    for look in looks {
        answers.push(match look.await {
            Ok(Ok(answer)) => answer.map_err(|error| refusal(&error)),
            Ok(Err(_)) | Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        });
    }
    let first = |wanted: fn(&Result<bool, String>) -> bool| answers.iter().position(wanted);
    let serving = match servers.role {
        Role::Any => first(Result::is_ok),
        Role::Primary | Role::ReadWrite => first(|answer| *answer == Ok(true)),
    };
    let lost = answers.iter().filter(|answer| answer.is_err()).count();
    let told: Vec<String> = answers
        .iter()
        .zip(1_u32..)
        .map(|(answer, place)| match answer {
            Ok(true) => format!("{place} takes writes"),
            Ok(false) => format!("{place} takes none"),
            Err(why) => format!("{place} {why}"),
        })
        .collect();
    let detail = format!("in the order of DATABASE_URL: {}", told.join("; "));
    let finding = if lost == 0 {
        Finding::ok("servers", detail)
    } else {
        Finding::warning("servers", detail)
    };
    (
        finding,
        serving.and_then(|place| servers.list.get(place)).cloned(),
    )
}

async fn takes_writes(server: &Servers) -> sqlx::Result<bool> {
    sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'")
        .fetch_one(&mut server.connect().await?)
        .await
}

async fn look_at_one(config: &DatabaseConfig) -> Vec<Finding> {
    let started = Instant::now();
    let mut connection = match tokio::time::timeout(PATIENCE, config.servers.connect()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return vec![Finding::wrong("database", refusal(&error))],
        Err(_) => {
            return vec![Finding::wrong(
                "database",
                format!("no connection within {} s", PATIENCE.as_secs()),
            )];
        }
    };
    let connected = started.elapsed();
    match tokio::time::timeout(PATIENCE, read(&mut connection)).await {
        Ok(Ok(server)) => {
            let mut findings = vec![
                Finding::ok(
                    "database",
                    format!(
                        "PostgreSQL {}, connected in {} ms, round trip {} ms",
                        server.version,
                        connected.as_millis(),
                        server.round_trip.as_millis()
                    ),
                ),
                opening(connected, config),
                writing(&server),
                pooling(config).await,
                room(&server, config.pool_max),
                agreement(server.clock),
            ];
            findings.push(schema(config).await);
            findings
        }
        Ok(Err(error)) => vec![Finding::wrong("database", refusal(&error))],
        Err(_) => vec![Finding::wrong("database", "answers no query in time")],
    }
}

struct Server {
    version: String,
    /// Seconds since 1970.
    clock: i64,
    /// Connections that ordinary roles may hold in all.
    room: i64,
    used: i64,
    takes_writes: bool,
    /// Whether a commit waits for a synchronous standby.
    hangs: bool,
    round_trip: Duration,
}

async fn read(connection: &mut PgConnection) -> sqlx::Result<Server> {
    let started = Instant::now();
    let (version, clock, room, used, takes_writes) = sqlx::query_as::<_, (String, i64, i64, i64, bool)>(
        "SELECT current_setting('server_version'),
                floor(extract(epoch FROM clock_timestamp()))::bigint,
                current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                current_setting('transaction_read_only') = 'off'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let round_trip = started.elapsed();
    let hangs = sqlx::query_scalar(A_COMMIT_WAITS_FOR_A_STANDBY)
        .fetch_one(connection)
        .await?;
    Ok(Server {
        version,
        clock,
        room,
        used,
        takes_writes,
        hangs,
        round_trip,
    })
}

/// A session opens in the background: a request with a shorter limit is answered 503, and the next request finds the session.
fn opening(took: Duration, config: &DatabaseConfig) -> Finding {
    let (wait, limit) = (config.acquire_timeout, config.servers.attempt);
    let detail = format!(
        "a session takes {} ms; DB_POOL_ACQUIRE_MS allows a request {} ms, connect_timeout a server {} ms",
        took.as_millis(),
        wait.as_millis(),
        limit.as_millis()
    );
    if took > wait || took.saturating_mul(2) > limit {
        Finding::warning("opening", detail)
    } else {
        Finding::ok("opening", detail)
    }
}

fn writing(server: &Server) -> Finding {
    match server {
        Server {
            takes_writes: false, ..
        } => Finding::wrong(
            "writing",
            "the database takes no writes: a standby, or default_transaction_read_only",
        ),
        Server { hangs: true, .. } => Finding::wrong(
            "writing",
            "commits wait for a synchronous standby that does not answer: bring it back, or take it out of synchronous_standby_names",
        ),
        _ => Finding::ok("writing", "the database takes writes"),
    }
}

async fn pooling(config: &DatabaseConfig) -> Finding {
    if config.pooler == Pooler::Transaction {
        return Finding::ok(
            "pooler",
            "DB_POOLER=transaction: every statement is a transaction of its own",
        );
    }
    let pool = database::open(config);
    match tokio::time::timeout(PATIENCE, pool.has_shared_sessions()).await {
        Ok(true) => Finding::wrong("pooler", SharedSessions.to_string()),
        Ok(false) => Finding::ok("pooler", "sessions stay ours between two statements"),
        Err(_) => Finding::warning("pooler", "whether sessions stay ours cannot be found out in time"),
    }
}

fn room(server: &Server, pool_max: u32) -> Finding {
    let free = server.room.saturating_sub(server.used);
    let detail = format!(
        "DB_POOL_MAX {pool_max}; the server has {free} of {} connections free",
        server.room
    );
    if i64::from(pool_max) > server.room {
        Finding::wrong("pool", detail)
    } else if i64::from(pool_max) > free {
        // A running replica of ours already holds its share: this alone stops nothing.
        Finding::warning("pool", detail)
    } else {
        Finding::ok("pool", detail)
    }
}

fn agreement(database: i64) -> Finding {
    let apart = clock::now().secs().saturating_sub(database);
    let detail = distance(apart, "the database's");
    if apart.saturating_abs() > MOST_SECONDS_APART {
        Finding::wrong("clock", detail)
    } else {
        Finding::ok("clock", detail)
    }
}

async fn schema(config: &DatabaseConfig) -> Finding {
    let found = async {
        let mut connection = config.servers.connect().await.map_err(SchemaError::Connect)?;
        status::read_on(&mut connection).await
    };
    match tokio::time::timeout(PATIENCE, found).await {
        Ok(Ok(found)) if !found.unfit.is_empty() => Finding::wrong("schema", found.unfit.join("; ")),
        Ok(Ok(found)) if found.is_current() => {
            let newest = found.migrations.last();
            let version = newest.map_or_else(|| "none".to_owned(), |entry| entry.name.clone());
            Finding::ok("schema", format!("current, version {version}"))
        }
        Ok(Ok(found)) => Finding::wrong(
            "schema",
            format!("{}; see `origin migrate status`", shortfall(&found)),
        ),
        Ok(Err(SchemaError::Connect(cause) | SchemaError::Statement { source: cause, .. })) => {
            Finding::wrong("schema", format!("cannot be read: {}", refusal(&cause)))
        }
        Ok(Err(error)) => Finding::wrong("schema", error.to_string()),
        Err(_) => Finding::wrong("schema", "cannot be read in time"),
    }
}

/// Why a schema is not current.
fn shortfall(found: &status::Status) -> String {
    let parts = [
        (found.count(State::Pending), "pending"),
        (found.count(State::Changed), "applied with another text"),
    ];
    let mut parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", counted(*count, "migration")))
        .collect();
    if !found.invalid_indexes.is_empty() {
        parts.push(format!("half built: {}", found.invalid_indexes.join(", ")));
    }
    parts.join(", ")
}

/// Why a connection or query failed, without the address or role that the library's own text may contain.
fn refusal(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            let state = database.code().unwrap_or(Cow::Borrowed("unknown"));
            // Appendix A of PostgreSQL's manual.
            let plainly = match state.as_ref() {
                "28P01" | "28000" => ": role and password are not accepted",
                "3D000" => ": there is no such database",
                "42501" => ": this role may not read it",
                "53300" => ": too many connections",
                "57P03" => ": the server is starting or stopping",
                _ => "",
            };
            format!("refused, SQLSTATE {state}{plainly}")
        }
        sqlx::Error::Io(error) => format!("unreachable: {}", error.kind()),
        sqlx::Error::Tls(_) => "TLS could not be agreed on".to_owned(),
        _ => "failed".to_owned(),
    }
}
