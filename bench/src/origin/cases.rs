//! The rows of the table: who is asked what.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stack::fault::{Done, In as _};

use super::credentials::{Issuer, Users};
use super::database::{Server, uid, user_id};
use super::pgbench::{Pgbench, Script};
use super::services::{SERVICE_KEY, Serving};
use super::{STEP, World};
use crate::cpu;
use crate::figures::Measured;
use crate::load::{self, Load};

/// How many users' credentials are sent again and again: less than a service remembers.
const WARM: usize = 2000;
/// Numbers of users nobody has seen yet begin here, some way on with every second that passes: a database that was kept has those
/// of earlier runs.
const UNSEEN: u32 = 100_000_000;
const UNSEEN_A_SECOND: u64 = 10_000;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Pgbench(Script),
    Ours,
    /// Another build of ours.
    Beside,
    Plan,
    WellMade,
    /// One of [`super::services::LIMITS`].
    Limit(usize),
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// pgbench asks by its script.
    Script,
    /// `GET /v1/auth/me` with the edge's assertion.
    Me,
    /// The same with an ID token that was verified a moment ago.
    MeByToken,
    /// The same, and the uid beside the token: the limits read no token.
    MeByUid,
    /// `GET /v1/auth/me` of somebody who has no row yet.
    FirstSight,
    /// A credit to a random user.
    CreditRandom,
    /// A credit to always the same user.
    CreditOne,
    /// `POST /v1/auth/verify-token` with a token never seen before.
    Verify,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub subject: Subject,
    ask: Ask,
    /// Measured on every table, not on the first alone.
    pub at_any_size: bool,
}

const fn case(name: &'static str, subject: Subject, ask: Ask) -> Case {
    Case {
        name,
        subject,
        ask,
        at_any_size: false,
    }
}

const fn at_any_size(case: Case) -> Case {
    Case {
        at_any_size: true,
        ..case
    }
}

/// What is compared with each other stands next to each other.
pub const CASES: [Case; 20] = [
    at_any_size(case(
        "pgbench select",
        Subject::Pgbench(Script::Select),
        Ask::Script,
    )),
    at_any_size(case("me", Subject::Ours, Ask::Me)),
    case("beside: me", Subject::Beside, Ask::Me),
    case("me by token", Subject::Ours, Ask::MeByToken),
    case("limit: fixed answer", Subject::Limit(0), Ask::MeByUid),
    case("limit: SELECT, one connection", Subject::Limit(1), Ask::MeByUid),
    case(
        "limit: SELECT, sixteen connections",
        Subject::Limit(2),
        Ask::MeByUid,
    ),
    case("well-made me", Subject::WellMade, Ask::MeByToken),
    case("plan me", Subject::Plan, Ask::MeByToken),
    case("verify-token, new tokens", Subject::Ours, Ask::Verify),
    case("pgbench insert", Subject::Pgbench(Script::Insert), Ask::Script),
    case("first sight", Subject::Ours, Ask::FirstSight),
    case("beside: first sight", Subject::Beside, Ask::FirstSight),
    at_any_size(case(
        "pgbench movement, random",
        Subject::Pgbench(Script::MoveRandom),
        Ask::Script,
    )),
    at_any_size(case("credit, random", Subject::Ours, Ask::CreditRandom)),
    case("beside: credit, random", Subject::Beside, Ask::CreditRandom),
    case("plan credit, random", Subject::Plan, Ask::CreditRandom),
    case(
        "pgbench movement, one user",
        Subject::Pgbench(Script::MoveOne),
        Ask::Script,
    ),
    case("credit, one user", Subject::Ours, Ask::CreditOne),
    case("beside: credit, one user", Subject::Beside, Ask::CreditOne),
];

/// One turn.
pub struct Run<'a> {
    pub world: &'a World,
    pub server: &'a Server,
    pub issuer: &'a Issuer,
    pub pgbench: &'a Pgbench,
    pub connections: usize,
    pub length: Duration,
}

impl Run<'_> {
    /// Measures `case` for one turn.
    pub fn measure(&self, case: &Case) -> Done<Measured> {
        let services = &self.world.services;
        match case.subject {
            Subject::Pgbench(script) => {
                self.pgbench
                    .run(script, self.world, self.server, self.connections, self.length)
            }
            Subject::Ours => self.ask(services.ours(), case.ask),
            Subject::Beside => self.ask(services.beside()?, case.ask),
            Subject::Plan => self.ask(services.plan()?, case.ask),
            Subject::WellMade => self.ask(services.well_made()?, case.ask),
            Subject::Limit(which) => self.ask(services.limit(which)?, case.ask),
        }
    }

    fn ask(&self, service: &Serving, ask: Ask) -> Done<Measured> {
        static NEXT_UNSEEN: LazyLock<AtomicU32> = LazyLock::new(|| AtomicU32::new(first_unseen()));
        static TURN: AtomicUsize = AtomicUsize::new(0);
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let seconds = self.length.as_secs() as usize;
        let warm = Users {
            from: 0,
            count: WARM,
            of: self.world.users,
        };
        let credentials = match ask {
            Ask::Script | Ask::CreditRandom | Ask::CreditOne => Vec::new(),
            Ask::Me => self.issuer.assertions(warm)?,
            Ask::MeByToken | Ask::MeByUid => self.world.services.tokens(|| self.issuer.tokens(warm))?,
            Ask::Verify => self.issuer.tokens(Users {
                count: 1000 * seconds,
                ..warm
            })?,
            Ask::FirstSight => {
                let count = 5000 * seconds;
                self.issuer.assertions(Users {
                    from: NEXT_UNSEEN.fetch_add(count as u32, Ordering::Relaxed),
                    count,
                    of: 0,
                })?
            }
        };
        let repeats = matches!(ask, Ask::Me | Ask::MeByToken | Ask::MeByUid);
        let users = self.world.users;
        let request = |number: usize, text: &mut Vec<u8>| {
            let at = if repeats {
                number % credentials.len().max(1)
            } else {
                number
            };
            let credential = credentials.get(at).map(String::as_str);
            match (ask, credential) {
                (Ask::CreditRandom | Ask::CreditOne, _) => {
                    let user = if ask == Ask::CreditOne {
                        1
                    } else {
                        scatter(turn, number, users)
                    };
                    credit(text, user, turn, number);
                }
                (Ask::Me | Ask::FirstSight, Some(assertion)) => {
                    get(text, "X-Crossfade-Assertion: ", assertion);
                }
                (Ask::MeByToken, Some(token)) => get(text, "Authorization: Bearer ", token),
                (Ask::MeByUid, Some(token)) => {
                    let uid = uid(warm.number(at));
                    get(text, &format!("X-User: {uid}\r\nAuthorization: Bearer "), token);
                }
                (Ask::Verify, Some(token)) => verify(text, token),
                _ => return false,
            }
            true
        };
        let (service_before, database_before) = (cpu::used(service.pid()), self.server.cpu());
        let outcome = load::send(&Load {
            address: service.address(),
            request: &request,
            connections: self.connections,
            length: self.length,
            status: 200,
            is_right: None,
        })
        .in_step(STEP)?;
        Ok(Measured {
            requests: outcome.latencies.len(),
            failed: outcome.failed,
            took: outcome.took,
            service_cpu: Some(cpu::used(service.pid()).saturating_sub(service_before)),
            database_cpu: self.server.cpu().saturating_sub(database_before),
            latencies: outcome.latencies,
        })
    }
}

fn first_unseen() -> u32 {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    UNSEEN + ((seconds * UNSEEN_A_SECOND) % 4_000_000_000) as u32
}

/// A user's number, another each time: a multiplicative hash, since all it has to do is scatter.
fn scatter(turn: usize, number: usize, users: u32) -> u32 {
    let mixed = (turn as u64 * 1_000_003 + number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    1 + ((mixed >> 33) % u64::from(users.max(1))) as u32
}

fn get(text: &mut Vec<u8>, header: &str, value: &str) {
    text.extend_from_slice(b"GET /v1/auth/me HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n");
    text.extend_from_slice(header.as_bytes());
    text.extend_from_slice(value.as_bytes());
    text.extend_from_slice(b"\r\n\r\n");
}

fn verify(text: &mut Vec<u8>, token: &str) {
    text.extend_from_slice(
        b"POST /v1/auth/verify-token HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n",
    );
    let body = format!("{{\"token\":\"{token}\"}}");
    text.extend_from_slice(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
}

fn credit(text: &mut Vec<u8>, user: u32, turn: usize, number: usize) {
    let body = r#"{"amount":1,"reason":"bench"}"#;
    let head = format!(
        "POST /v1/users/{}/tokens/credit HTTP/1.1\r\nHost: bench\r\nX-Service-Key: {SERVICE_KEY}\r\n\
         Idempotency-Key: {}-{turn}-{number}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        user_id(user),
        std::process::id(),
        body.len()
    );
    text.extend_from_slice(head.as_bytes());
}
