//! The result of one check.

use std::fmt;

use serde::Serialize;
use serde_json::json;
use shared::time::UnixTime;

/// The verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// It works, but an operator should look.
    Warning,
    /// The service would not work, or only in part.
    Wrong,
}

/// The result of one check. The detail holds no secret: operators paste it into tickets.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail)
    }

    pub(super) fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, detail)
    }

    pub(super) fn wrong(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Wrong, detail)
    }

    fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            check,
            verdict,
            detail: detail.into(),
        }
    }

    pub(super) fn is_fine(&self) -> bool {
        self.verdict != Verdict::Wrong
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Warning => "warning",
            Verdict::Wrong => "WRONG  ",
        };
        write!(f, "{mark}  {:<10} {}", self.check, self.detail)
    }
}

/// How far this machine's clock is from another one.
pub(super) fn distance(seconds_ahead: i64, whose: &str) -> String {
    match seconds_ahead {
        -1..=1 => format!("agrees with {whose}"),
        2.. => format!("{seconds_ahead} s ahead of {whose}"),
        _ => format!("{} s behind {whose}", seconds_ahead.unsigned_abs()),
    }
}

/// All findings as one JSON document.
pub(super) fn as_json(findings: &[Finding], now: UnixTime) -> serde_json::Value {
    json!({
        "fine": findings.iter().all(Finding::is_fine),
        "at": now.to_rfc3339().unwrap_or_default(),
        "findings": findings,
    })
}
