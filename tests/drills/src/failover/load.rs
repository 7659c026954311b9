//! Who is at it meanwhile: users who earn, users who come for the first time, users who read.

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

/// What one act came to.
#[derive(Default)]
pub struct Seen {
    pub acknowledged: u64,
    pub statuses: BTreeMap<u16, u64>,
    pub misdirected: u64,
    last_write: Option<Instant>,
    pub without_a_write: Duration,
    pub reader_failed: Duration,
    /// When a write was acknowledged, for the time after a promotion.
    pub writes: Vec<Instant>,
    pub strange: Vec<String>,
}

/// What all threads share.
pub struct Load {
    pub front: String,
    pub service_key: String,
    pub project: String,
    pub seen: Mutex<Seen>,
    /// Keys that were acknowledged, of each earner.
    pub earned: Vec<AtomicUsize>,
    /// Newcomers who were let in.
    pub arrived: Mutex<Vec<String>>,
    pub ids: Vec<String>,
    pause: AtomicBool,
    stop: AtomicBool,
    busy: AtomicUsize,
}

impl Load {
    pub fn new(front: String, service_key: String, project: String) -> Self {
        Self {
            front,
            service_key,
            project,
            seen: Mutex::default(),
            earned: (0..EARNERS).map(|_| AtomicUsize::new(0)).collect(),
            arrived: Mutex::default(),
            ids: Vec::new(),
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
        loop {
            if let Some(answer) = self.count(ask()) {
                return Some(answer);
            }
            if started.elapsed() > Duration::from_secs(120) || self.stop.load(Ordering::SeqCst) {
                return None;
            }
            thread::sleep(PAUSE);
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
        let url = format!("{}/v1/auth/me", self.front);
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
        let url = format!("{}/v1/auth/me", self.front);
        let uid = format!("earner-{reader}");
        let bearer = format!("Bearer {}", self.token(&uid, now() - 5));
        let headers = [("authorization", bearer.as_str())];
        let mut failing: Option<Instant> = None;
        self.turns(|client, _| {
            let asked = Instant::now();
            match self.count(client.get(&url, &headers)) {
                Some(answer) => {
                    self.check_owner(&answer, &uid);
                    if let Some(since) = failing.take() {
                        let mut seen = self.lock();
                        seen.reader_failed = seen.reader_failed.max(since.elapsed());
                    }
                }
                None => {
                    failing.get_or_insert(asked);
                }
            }
            thread::sleep(Duration::from_millis(10));
        });
    }

    fn check_owner(&self, answer: &Answer, uid: &str) {
        if answer.json()["data"]["user"]["email"] != format!("{uid}@example.org") {
            self.lock().misdirected += 1;
        }
    }
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
