//! Notifies the operator's mailer of changes of ownership, for a mail to the user.
//!
//! Firebase has no such mail. The transaction of the change stores the notice, which is deleted once the mailer has answered 2xx: it may
//! come twice, with the same `id`, and is lost only after a week of failures. The audit trail then records the loss.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use database::{DatabaseError, Pool, run};
use http_client::NoClient;
use ring::hmac;
use serde::Serialize;
use shared::causes::Causes;
use uuid::Uuid;

use crate::ownership_notices_config::OwnershipNotices;
use crate::statements::ownership_notices::{self, Notice};

/// How long the mailer may take: less than the pause before the next attempt.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a notice is retried.
const KEPT: TimeDelta = TimeDelta::days(7);
/// The header with the time and the signature.
const SIGNATURE: &str = "x-crossfade-signature";

/// Notifies the mailer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifying {
    pool: Pool,
    client: reqwest::Client,
    mailer: Option<OwnershipNotices>,
}

/// The posted body. It holds the address because the mailer needs it; it goes to the operator's own service over TLS, and to no log.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Body<'a> {
    /// Equal for every attempt at one notice.
    id: i64,
    kind: &'static str,
    user_id: Uuid,
    email: &'a str,
    at: DateTime<Utc>,
    by: Option<&'a str>,
    legacy_password: Option<&'a str>,
}

/// Why the mailer did not take a notice.
struct NotTaken {
    /// For the log and the row.
    reason: String,
    /// Whether it may take the next one.
    is_about_one: bool,
}

impl Notifying {
    /// Notices go to `mailer`; without one, only the audit trail records a change of ownership.
    ///
    /// # Errors
    /// [`NoClient`].
    pub fn new(pool: Pool, mailer: Option<OwnershipNotices>) -> Result<Self, NoClient> {
        let client = http_client::client()?;
        Ok(Self { pool, client, mailer })
    }

    /// Sends the notices that are due by `clock`, every `pause` until the future is dropped.
    pub async fn keep_notifying(self, pause: Duration, clock: fn() -> DateTime<Utc>) {
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.notify_due(clock()).await {
                tracing::warn!(error = %Causes(&error), "changes of ownership could not be told");
            }
        }
    }

    /// Sends the notices that are due; answers how many the mailer accepted. `now` decides which are too old.
    ///
    /// # Errors
    /// [`DatabaseError`]: the notices stay due.
    pub async fn notify_due(&self, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
        let oldest = now.checked_sub_signed(KEPT).unwrap_or(now);
        let Some(mailer) = &self.mailer else {
            run(&self.pool, |mut connection| async move {
                ownership_notices::forget(&mut connection, oldest).await
            })
            .await?;
            return Ok(0);
        };
        let mut told: u64 = 0;
        while let Some(notice) = self.claim().await? {
            let Some(email) = notice.email.as_deref() else {
                self.settle(&notice, None).await?;
                continue;
            };
            match self.post(mailer, &notice, email, now).await {
                Ok(()) => {
                    self.settle(&notice, Some("ownership.notified")).await?;
                    told = told.saturating_add(1);
                }
                Err(NotTaken { reason, is_about_one }) => {
                    tracing::warn!(user_id = %notice.user, reason, "the mailer did not take a change of ownership");
                    if notice.at < oldest {
                        self.settle(&notice, Some("ownership.not_notified")).await?;
                    } else {
                        self.failed(&notice, &reason).await?;
                    }
                    if !is_about_one {
                        // The mailer may be away: the others are retried later.
                        return Ok(told);
                    }
                }
            }
        }
        Ok(told)
    }

    async fn post(
        &self,
        mailer: &OwnershipNotices,
        notice: &Notice,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<(), NotTaken> {
        let body = Body {
            id: notice.event,
            kind: "ownership.changed",
            user_id: notice.user,
            email,
            at: notice.at,
            by: notice.by.as_deref(),
            legacy_password: notice.legacy_password.as_deref(),
        };
        let body = serde_json::to_string(&body).map_err(|_| NotTaken {
            reason: "unwritable".to_owned(),
            is_about_one: true,
        })?;
        let answer = self
            .client
            .post(&mailer.url)
            .timeout(TIMEOUT)
            .header("content-type", "application/json")
            .header(SIGNATURE, signature(&mailer.key, now.timestamp(), &body))
            .body(body)
            .send()
            .await
            .map_err(|error| NotTaken {
                reason: if error.is_timeout() {
                    "timeout"
                } else {
                    "unreachable"
                }
                .to_owned(),
                is_about_one: false,
            })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(NotTaken {
            reason: format!("status {}", status.as_u16()),
            is_about_one: status.is_client_error() && !matches!(status.as_u16(), 408 | 429),
        })
    }

    async fn claim(&self) -> Result<Option<Notice>, DatabaseError> {
        run(&self.pool, |mut connection| async move {
            ownership_notices::claim(&mut connection).await
        })
        .await
    }

    async fn settle(&self, notice: &Notice, kind: Option<&str>) -> Result<(), DatabaseError> {
        run(&self.pool, |mut connection| async move {
            ownership_notices::settle(&mut connection, notice, kind).await
        })
        .await
    }

    async fn failed(&self, notice: &Notice, reason: &str) -> Result<(), DatabaseError> {
        run(&self.pool, |mut connection| async move {
            ownership_notices::failed(&mut connection, notice.event, reason).await
        })
        .await
    }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA-256 of `SECONDS.BODY`: no other client can have a user mailed, nor replay an old notice.
fn signature(key: &hmac::Key, seconds: i64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{seconds}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_that_of_time_and_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        // printf '7.{}' | openssl dgst -sha256 -hmac key
        let expected = "77bc83bd1f40422311e47918b203449aecf84b02c1568bb1b570ac2a474cc2d8";
        assert_eq!(signature(&key, 7, "{}"), format!("t=7,v1={expected}"));
    }
}
