//! Who is at it meanwhile: users who earn, users who come for the first time, users who sign in, users who read.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use stack::http::{Answer, Client};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// Before the same is asked for again.
const PAUSE: Duration = Duration::from_millis(50);
pub const EARNERS: usize = 5;
pub const READERS: usize = 3;
pub const NEWCOMERS: usize = 2;
pub const SIGNERS: usize = 2;
/// What Cloudflare says the caller's address is; the local runtime leaves what it finds.
const ADDRESS: &str = "cf-connecting-ip";

/// Somebody with a password.
pub struct Account {
    pub uid: String,
    pub password: String,
}

impl Account {
    pub fn new(number: usize) -> Self {
        Self {
            uid: format!("signer-{number}"),
            password: format!("password {number}"),
        }
    }

    pub fn email(&self) -> String {
        format!("{}@example.org", self.uid)
    }
}

/// What one act came to.
#[derive(Default)]
pub struct Seen {
    pub acknowledged: u64,
    pub signed_in: u64,
    /// Writes with an idempotency key that failed, and again when they were retried.
    pub failed_twice: u64,
    pub statuses: BTreeMap<u16, u64>,
    pub misdirected: u64,
    last_write: Option<Instant>,
    pub without_a_write: Duration,
    pub reader_failed: Duration,
    pub sign_in_failed: Duration,
    /// When a write was acknowledged, for the time after a promotion.
    pub writes: Vec<Instant>,
    pub strange: Vec<String>,
}

/// What all threads share.
pub struct Load {
    pub front: String,
    pub edge: String,
    pub service_key: String,
    pub project: String,
    pub seen: Mutex<Seen>,
    /// Keys that were acknowledged, of each earner.
    pub earned: Vec<AtomicUsize>,
    /// Newcomers who were let in.
    pub arrived: Mutex<Vec<String>>,
    pub ids: Vec<String>,
    pub accounts: Vec<Account>,
    pause: AtomicBool,
    stop: AtomicBool,
    busy: AtomicUsize,
}

impl Load {
    pub fn new(front: String, edge: String, service_key: String, project: String) -> Self {
        Self {
            front,
            edge,
            service_key,
            project,
            seen: Mutex::default(),
            earned: (0..EARNERS).map(|_| AtomicUsize::new(0)).collect(),
            arrived: Mutex::default(),
            ids: Vec::new(),
            accounts: Vec::new(),
            pause: AtomicBool::new(true),
            stop: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
        }
    }

    /// A token of the emulator's kind: unsigned.
    pub fn token(&self, uid: &str, since: i64) -> String {
        let now = now();
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": "none", "typ": "JWT"}));
        let claims = part(&json!({
            "iss": format!("https://securetoken.google.com/{}", self.project), "aud": self.project, "sub": uid, "user_id": uid,
            "email": format!("{uid}@example.org"), "email_verified": true, "iat": now, "exp": now + 3600, "auth_time": since,
            "firebase": {"sign_in_provider": "password", "identities": {}},
        }));
        format!("{header}.{claims}.")
    }

    /// Goes on, with nothing seen yet.
    pub fn resume(&self) {
        let mut seen = self.lock();
        *seen = Seen::default();
        seen.last_write = Some(Instant::now());
        drop(seen);
        self.pause.store(false, Ordering::SeqCst);
    }

    /// Lets everybody finish what they are at. `false` when some did not within a minute.
    pub fn rest(&self) -> bool {
        self.pause.store(true, Ordering::SeqCst);
        let started = Instant::now();
        while self.busy.load(Ordering::SeqCst) > 0 {
            if started.elapsed() > Duration::from_secs(60) {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let mut seen = self.lock();
        let since = seen.last_write.map_or(Duration::ZERO, |last| last.elapsed());
        // Resting itself is no time without a write.
        seen.without_a_write = seen.without_a_write.max(since.saturating_sub(started.elapsed()));
        true
    }

    pub fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn turns(&self, mut turn: impl FnMut(&Client, usize)) {
        let client = Client::new(PATIENCE);
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            self.busy.fetch_add(1, Ordering::SeqCst);
            if self.pause.load(Ordering::SeqCst) {
                self.busy.fetch_sub(1, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            number += 1;
            turn(&client, number);
            self.busy.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Asks until it is granted: an outage is asked again with the same key.
    fn until_granted(&self, ask: impl Fn() -> Result<Answer, String>) -> Option<Answer> {
        let started = Instant::now();
        for attempt in 1.. {
            if let Some(answer) = self.count(ask()) {
                return Some(answer);
            }
            if attempt == 2 {
                self.lock().failed_twice += 1;
            }
            if started.elapsed() > Duration::from_secs(120) || self.stop.load(Ordering::SeqCst) {
                return None;
            }
            thread::sleep(PAUSE);
        }
        None
    }

    /// Where caller `number` calls: every second one an origin itself, as services do, the others the edge.
    fn way(&self, number: usize) -> &str {
        if number.is_multiple_of(2) {
            &self.edge
        } else {
            &self.front
        }
    }

    fn count(&self, answer: Result<Answer, String>) -> Option<Answer> {
        let mut seen = self.lock();
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        let count = seen.statuses.entry(status).or_default();
        *count += 1;
        match answer {
            Ok(answer) if answer.status == 200 => Some(answer),
            Ok(answer) => {
                if !matches!(answer.status, 502..=504) && seen.strange.len() < 5 {
                    seen.strange.push(format!(
                        "{} {}",
                        answer.status,
                        answer.text.chars().take(200).collect::<String>()
                    ));
                }
                None
            }
            Err(_) => None,
        }
    }

    fn wrote(&self) {
        let mut seen = self.lock();
        seen.acknowledged += 1;
        let now = Instant::now();
        if let Some(last) = seen.last_write.replace(now) {
            seen.without_a_write = seen.without_a_write.max(now - last);
        }
        seen.writes.push(now);
    }

    pub fn earn(&self, earner: usize) {
        let Some(id) = self.ids.get(earner) else { return };
        let url = format!("{}/v1/users/{id}/tokens/credit", self.front);
        let body = json!({"amount": 1, "reason": format!("earner-{earner}")});
        let run = now();
        self.turns(|client, number| {
            let key = format!("{run}-{earner}-{number}");
            let headers = [
                ("x-service-key", self.service_key.as_str()),
                ("idempotency-key", key.as_str()),
            ];
            if self
                .until_granted(|| client.post(&url, &headers, &body))
                .is_some()
            {
                if let Some(count) = self.earned.get(earner) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                self.wrote();
            }
        });
    }

    pub fn arrive(&self, newcomer: usize) {
        let url = format!("{}/v1/auth/me", self.way(newcomer));
        let run = now();
        self.turns(|client, number| {
            let uid = format!("new-{run}-{newcomer}-{number}");
            let bearer = format!("Bearer {}", self.token(&uid, now() - 5));
            let headers = [("authorization", bearer.as_str())];
            if let Some(answer) = self.until_granted(|| client.get(&url, &headers)) {
                self.check_owner(&answer, &uid);
                self.arrived
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push(uid);
                self.wrote();
            }
        });
    }

    pub fn read(&self, reader: usize) {
        let url = format!("{}/v1/auth/me", self.way(reader));
        let uid = format!("earner-{reader}");
        let bearer = format!("Bearer {}", self.token(&uid, now() - 5));
        let address = format!("10.0.0.{reader}");
        let headers = [("authorization", bearer.as_str()), (ADDRESS, &address)];
        let mut failing = None;
        self.turns(|client, _| {
            let asked = Instant::now();
            let answer = self.count(client.get(&url, &headers));
            if let Some(answer) = &answer {
                self.check_owner(answer, &uid);
            }
            let failed = outage(&mut failing, asked, answer.is_some());
            let mut seen = self.lock();
            seen.reader_failed = seen.reader_failed.max(failed);
            drop(seen);
            thread::sleep(Duration::from_millis(10));
        });
    }

    pub fn sign_in(&self, signer: usize) {
        let url = format!("{}/auth/login", self.edge);
        let mut failing = None;
        self.turns(|client, number| {
            let index = (number * SIGNERS + signer) % self.accounts.len().max(1);
            let Some(account) = self.accounts.get(index) else {
                return;
            };
            let body = json!({"email": account.email(), "password": account.password});
            let address = format!("10.0.1.{index}");
            let asked = Instant::now();
            let answer = self.count(client.post(&url, &[(ADDRESS, &address)], &body));
            if let Some(answer) = &answer {
                self.check_owner(answer, &account.uid);
            }
            let failed = outage(&mut failing, asked, answer.is_some());
            let mut seen = self.lock();
            seen.signed_in += u64::from(answer.is_some());
            seen.sign_in_failed = seen.sign_in_failed.max(failed);
            drop(seen);
            thread::sleep(PAUSE);
        });
    }

    fn check_owner(&self, answer: &Answer, uid: &str) {
        if answer.json()["data"]["user"]["email"] != format!("{uid}@example.org") {
            self.lock().misdirected += 1;
        }
    }
}

/// How long an outage of somebody took that is over with this answer; `failing` remembers since when it lasts.
fn outage(failing: &mut Option<Instant>, asked: Instant, is_well: bool) -> Duration {
    if is_well {
        failing.take().map_or(Duration::ZERO, |since| since.elapsed())
    } else {
        failing.get_or_insert(asked);
        Duration::ZERO
    }
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
