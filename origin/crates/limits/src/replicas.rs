//! Counters that replicas share, in Redis or Valkey. It must be one server, or look like one: scripts touch several keys, which a cluster
//! would spread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script, ScriptInvocation};
use shared::limits::{Key, Pace};
use tokio::time::{sleep, timeout};

use super::RedisUrl;
use super::SlowDown;

/// How long a request waits for Redis, at most. A slower call is counted in memory, and so are all others until Redis answers again.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a probe waits for Redis.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(500);
/// How long a network counts as a user's usual one, in seconds: 30 days.
const USUAL_SECONDS: u64 = 30 * 86_400;

/// Adds each price to the debt of its counter, unless one of them owes too much already. Answers first whether the last key exists, then
/// each earlier debt in milliseconds. The second counter alone never refuses for the others: it refuses where the first owes anything
/// (`shared::limits::judge`). The clock is Redis' own, and the replicas agree on it. `KEYS`: counters, then the key that is looked up.
/// `ARGV`: interval, allowance and most of each.
const CHARGE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local answer = { redis.call('EXISTS', KEYS[#KEYS]) }
local refused = false
for i = 1, #KEYS - 1 do
  local owed = math.max(tonumber(redis.call('GET', KEYS[i]) or '0') - now, 0)
  answer[i + 1] = owed
  if owed > tonumber(ARGV[3 * i - 1]) and (i ~= 2 or answer[2] > 0) then refused = true end
end
if refused then return answer end
for i = 1, #KEYS - 1 do
  local owed = math.min(answer[i + 1] + tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i]))
  redis.call('SET', KEYS[i], string.format('%.0f', now + owed), 'PX', string.format('%.0f', owed))
end
return answer";

/// Takes a price back from each counter.
const REFUND: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 1, #KEYS do
  local paid = tonumber(redis.call('GET', KEYS[i]) or '0') - tonumber(ARGV[i])
  if paid > now then
    redis.call('SET', KEYS[i], string.format('%.0f', paid), 'PX', string.format('%.0f', paid - now))
  else
    redis.call('DEL', KEYS[i])
  end
end
return 0";

/// The connection and its state.
#[derive(Clone)]
pub(super) struct Replicas(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    charge: Script,
    refund: Script,
    there: AtomicBool,
    probing: AtomicBool,
    failures: AtomicU64,
}

impl fmt::Debug for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicas").finish_non_exhaustive()
    }
}

impl Replicas {
    /// Connects to nothing yet; `None` for an address that [`RedisUrl`] would refuse.
    pub fn new(url: &RedisUrl) -> Option<Self> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(PROBE_PAUSE)
            .set_connection_timeout(Some(PROBE_PATIENCE))
            .set_response_timeout(Some(PROBE_PATIENCE));
        let client = Client::open(url.expose()).ok()?;
        Some(Self(Arc::new(Inner {
            connection: ConnectionManager::new_lazy_with_config(client, config).ok()?,
            charge: Script::new(CHARGE),
            refund: Script::new(REFUND),
            there: AtomicBool::new(false),
            probing: AtomicBool::new(false),
            failures: AtomicU64::new(0),
        })))
    }

    /// Whether Redis answered the last call.
    pub fn is_there(&self) -> bool {
        self.0.there.load(Ordering::Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Probes Redis in the background until it answers; several calls start one task.
    pub fn reach(&self) {
        if self.is_there() || self.0.probing.swap(true, Ordering::Relaxed) {
            return;
        }
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            loop {
                let mut connection = inner.connection.clone();
                let ping = async move { redis::cmd("PING").query_async::<String>(&mut connection).await };
                if matches!(timeout(PROBE_PATIENCE, ping).await, Ok(Ok(_))) {
                    break;
                }
                sleep(PROBE_PAUSE).await;
            }
            tracing::info!("limits are counted together with other replicas");
            inner.there.store(true, Ordering::Relaxed);
            inner.probing.store(false, Ordering::Relaxed);
        });
    }

    /// Charges a call; a refused call is not counted.
    pub async fn call(&self, key: Key, pace: Pace) -> Result<(), SlowDown> {
        let Some((_, owed)) = self.charge(&[(key, pace)], &key).await else {
            return Ok(());
        };
        match owed.first().and_then(|owed| pace.wait_ms(*owed)) {
            None => Ok(()),
            Some(wait_ms) => Err(SlowDown {
                retry_after: u32::try_from(wait_ms.div_ceil(1000)).unwrap_or(u32::MAX),
            }),
        }
    }

    /// Charges a guess, unless it is refused. Answers whether the network of `pair` is usual, and the earlier debt of each counter; `None`
    /// when Redis is away.
    pub async fn guess(&self, prices: &[(Key, Pace); 3], pair: &Key) -> Option<(bool, [u64; 3])> {
        let (usual, owed) = self.charge(prices, pair).await?;
        Some((usual, owed.try_into().ok()?))
    }

    async fn charge(&self, prices: &[(Key, Pace)], pair: &Key) -> Option<(bool, Vec<u64>)> {
        let mut call = self.0.charge.prepare_invoke();
        for (key, pace) in prices {
            call.key(counter(key));
            call.arg(pace.interval_ms)
                .arg(pace.allowance_ms())
                .arg(pace.most_ms());
        }
        call.key(usual(pair));
        let mut answer: Vec<u64> = self.ask(&call).await?;
        if answer.len() != prices.len().saturating_add(1) {
            return None;
        }
        let owed = answer.split_off(1);
        Some((answer.first() == Some(&1), owed))
    }

    /// Takes charges back.
    pub async fn refund(&self, prices: &[(Key, Pace)]) {
        let mut call = self.0.refund.prepare_invoke();
        for (key, pace) in prices {
            call.key(counter(key)).arg(pace.interval_ms);
        }
        let _done: Option<u64> = self.ask(&call).await;
    }

    /// Takes charges back; for `right`, the pair with the right password, all of them.
    pub async fn end(&self, prices: &[(Key, Pace)], right: Option<&Key>) {
        self.refund(prices).await;
        let Some(pair) = right else { return };
        let mut connection = self.0.connection.clone();
        let noted = async move {
            redis::pipe()
                .del(counter(pair))
                .ignore()
                .set_ex(usual(pair), 1, USUAL_SECONDS)
                .ignore()
                .query_async::<()>(&mut connection)
                .await
        };
        self.note(timeout(PROBE_PATIENCE, noted).await.ok());
    }

    /// Runs a script for at most [`PATIENCE`], if Redis is there.
    async fn ask<T: redis::FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Option<T> {
        if !self.is_there() {
            self.reach();
            return None;
        }
        let mut connection = self.0.connection.clone();
        let answer = timeout(PATIENCE, call.invoke_async::<T>(&mut connection)).await;
        self.note(answer.ok())
    }

    /// Records the result of a call: without an answer, memory alone counts until Redis answers a probe.
    fn note<T>(&self, answer: Option<RedisResult<T>>) -> Option<T> {
        match answer {
            Some(Ok(value)) => Some(value),
            Some(Err(_)) | None => {
                self.0.failures.fetch_add(1, Ordering::Relaxed);
                if self.0.there.swap(false, Ordering::Relaxed) {
                    tracing::warn!("Redis is away: each replica counts limits for itself");
                }
                self.reach();
                None
            }
        }
    }
}

/// How long the server at `url` takes to answer over a new connection; `None` without an answer.
pub async fn round_trip(url: &RedisUrl) -> Option<Duration> {
    let asked = Instant::now();
    let client = Client::open(url.expose()).ok()?;
    let ping = async move {
        let mut connection = client.get_multiplexed_async_connection().await?;
        redis::cmd("PING").query_async::<String>(&mut connection).await
    };
    let answer = timeout(PROBE_PATIENCE, ping).await.ok()?;
    answer.ok().map(|_| asked.elapsed())
}

fn counter(key: &Key) -> String {
    format!("crossfade:limit:{}", key.to_hex())
}

fn usual(pair: &Key) -> String {
    format!("crossfade:usual:{}", pair.to_hex())
}
