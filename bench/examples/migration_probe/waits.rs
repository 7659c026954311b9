//! Samples the wait events of the clients' statements every few milliseconds; the longest statement of each phase keeps its samples. `cpu`
//! means no wait that PostgreSQL knows of: the statement ran, or the machine ran something else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

const EVERY: Duration = Duration::from_millis(2);

/// The longest statement so far in this phase, by client.
#[derive(Clone, Default)]
pub struct Waits(Arc<Mutex<HashMap<i32, Seen>>>);

/// One statement.
#[derive(Default, Clone)]
struct Statement {
    began: Option<DateTime<Utc>>,
    seconds: f64,
    events: HashMap<String, u32>,
}

#[derive(Default)]
struct Seen {
    current: Statement,
    longest: Statement,
}

impl Waits {
    /// Samples until the server closes `connection` or the task ends.
    pub async fn watch(self, mut connection: PgConnection) {
        loop {
            let rows: Vec<(i32, DateTime<Utc>, f64, String)> = sqlx::query_as(
                "SELECT pid, query_start, extract(epoch FROM clock_timestamp() - query_start)::float8, \
                        coalesce(wait_event_type || ':' || wait_event, 'cpu') \
                 FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'probe' AND state = 'active'",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap();
            self.note(rows);
            tokio::time::sleep(EVERY).await;
        }
    }

    fn note(&self, rows: Vec<(i32, DateTime<Utc>, f64, String)>) {
        let mut seen = self.0.lock().unwrap();
        for (pid, began, seconds, event) in rows {
            let client = seen.entry(pid).or_default();
            if client.current.began != Some(began) {
                client.current = Statement {
                    began: Some(began),
                    ..Statement::default()
                };
            }
            client.current.seconds = seconds;
            *client.current.events.entry(event).or_default() += 1;
            if client.current.seconds > client.longest.seconds {
                client.longest = client.current.clone();
            }
        }
    }

    /// The wait events of the longest statement of the session `pid`, most frequent first; begins a new phase for it.
    pub fn take(&self, pid: i32) -> String {
        let mut seen = self.0.lock().unwrap();
        let Some(client) = seen.get_mut(&pid) else {
            return String::new();
        };
        let longest = std::mem::take(&mut client.longest);
        client.current = Statement::default();
        let mut events: Vec<_> = longest.events.into_iter().collect();
        events.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let events: Vec<String> = events
            .into_iter()
            .take(2)
            .map(|(event, times)| format!("{event} {times}"))
            .collect();
        events.join(", ")
    }
}

/// The process of a session.
pub async fn pid(connection: &mut PgConnection) -> i32 {
    connection.ping().await.unwrap();
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await
        .unwrap()
}
