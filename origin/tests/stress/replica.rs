//! `DATABASE_READ_URL`: a real streaming standby that is read, stops following, takes over, or is gone.

use std::time::{Duration, Instant};

use serde_json::json;
use shared::base64url;
use sqlx::postgres::PgPoolOptions;

use crate::server::Server;
use crate::service::{Caller, Service};
use crate::support::until;

const BELIEVED: &str = "origin_replica_believed";
const FROM_REPLICA: &str = "origin_recent_reads_total{from=\"replica\"}";

/// A primary with a standby, and the program that reads it.
struct Site {
    primary: Server,
    standby: Server,
    service: Service,
    caller: Caller,
    /// The token of a user in the primary.
    token: String,
}

/// An emulator's token: unsigned.
fn token(uid: &str) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let part = |value: serde_json::Value| base64url::encode(value.to_string().as_bytes());
    let header = part(json!({"alg": "none", "typ": "JWT"}));
    let claims = part(json!({
        "iss": "https://securetoken.google.com/demo-stress", "aud": "demo-stress", "sub": uid, "user_id": uid,
        "iat": now - 60, "auth_time": now - 60, "exp": now + 3600,
        "firebase": {"sign_in_provider": "anonymous", "identities": {}},
    }));
    format!("{header}.{claims}.")
}

impl Site {
    async fn up() -> Self {
        let mut primary = Server::start().await;
        let pool = PgPoolOptions::new().connect(&primary.url()).await.unwrap();
        schema::migrate(&pool).await.unwrap();
        pool.close().await;
        let standby = primary.standby().await;
        let service = Service::start(
            &primary.url(),
            &[
                ("DATABASE_READ_URL", &standby.url()),
                ("ENVIRONMENT", "development"),
                ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9"),
            ],
        )
        .await;
        let site = Self {
            caller: service.caller(),
            token: token("known"),
            primary,
            standby,
            service,
        };
        assert_eq!(site.me(true).await, (200, None));
        site.until_believed(true).await;
        site
    }

    /// The status of `me`, and the name in it.
    async fn me(&self, now: bool) -> (u16, Option<String>) {
        let answer = self.caller.me(&self.token, now).await.unwrap();
        let name = answer.body["data"]["user"]["display_name"].as_str();
        (answer.status, name.map(str::to_owned))
    }

    async fn until_believed(&self, wanted: bool) {
        until("the replica is believed or not", async || {
            self.caller.metric(BELIEVED).await == u64::from(wanted)
        })
        .await;
    }

    async fn rename(&self, name: &str) {
        let sql = format!("UPDATE auth.users SET display_name = '{name}' WHERE firebase_uid = 'known'");
        self.primary.execute(&sql).await;
    }

    /// Fails if a constant stream of reads fails or is older than two seconds, until the replica is no longer trusted.
    async fn assert_new_name_is_told_within_two_seconds(&self, name: &str) {
        self.rename(name).await;
        let renamed = Instant::now();
        loop {
            let asked = renamed.elapsed();
            let (status, told) = self.me(false).await;
            assert_eq!(status, 200);
            if told.as_deref() == Some(name) {
                break;
            }
            assert!(asked <= Duration::from_secs(2), "{told:?} after {asked:?}");
        }
        self.until_believed(false).await;
        let (status, told) = self.me(false).await;
        assert_eq!((status, told.as_deref()), (200, Some(name)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn current_standby_is_read_and_the_primary_decides_on_unknown_or_refused_users() {
    let site = Site::up().await;
    until("the standby knows the user", async || {
        let before = site.caller.metric(FROM_REPLICA).await;
        assert_eq!(site.me(false).await.0, 200);
        site.caller.metric(FROM_REPLICA).await > before
    })
    .await;
    // The primary creates a new user.
    let stranger = token("stranger");
    let created = site.caller.me(&stranger, false).await.unwrap();
    assert_eq!(created.status, 200);

    // A request for the current state gets what the replica does not know yet.
    site.standby.execute("SELECT pg_wal_replay_pause()").await;
    site.rename("Ada").await;
    assert_eq!(site.me(true).await, (200, Some("Ada".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_that_stops_following_is_left_within_two_seconds_and_read_again_later() {
    let site = Site::up().await;
    site.standby.execute("SELECT pg_wal_replay_pause()").await;
    site.assert_new_name_is_told_within_two_seconds("Ada").await;
    site.standby.execute("SELECT pg_wal_replay_resume()").await;
    site.until_believed(true).await;
    assert_eq!(site.me(false).await, (200, Some("Ada".to_owned())));
    let told = || {
        site.service
            .logged("reads go to the primary instead of the replica")
            .len()
    };
    until("the log says it", async || told() > 0).await;
    assert_eq!(told(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn promoted_standby_is_not_trusted() {
    let site = Site::up().await;
    site.standby.execute("SELECT pg_promote()").await;
    site.assert_new_name_is_told_within_two_seconds("Ada").await;
    let told = || {
        site.service
            .logged("reads go to the primary instead of the replica")
    };
    until("the log says why", async || !told().is_empty()).await;
    assert_eq!(told()[0]["reason"], "it takes writes itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_that_is_gone_costs_no_read() {
    let mut site = Site::up().await;
    site.standby.kill();
    for _ in 0..50 {
        assert_eq!(site.me(false).await.0, 200);
    }
    site.until_believed(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_primary_is_hidden_for_two_seconds_at_most() {
    let mut site = Site::up().await;
    site.primary.kill();
    let lost = Instant::now();
    until("reads fail", async || {
        let asked = lost.elapsed();
        let status = site.me(false).await.0;
        assert!(
            status == 503 || asked <= Duration::from_secs(2),
            "{status} after {asked:?}"
        );
        status == 503
    })
    .await;
}
