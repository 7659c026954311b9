//! The edge's request lines: one JSON object a line, as the edge writes them; with something before it, as `wrangler dev` decorates
//! warnings; or within the events that `wrangler tail --format json` prints and Logpush stores.

use serde::Deserialize;
use serde_json::Value;
use shared::rollout::Bucket;
use shared::routing::{Purpose, Reason, Side};
use shared::time::UnixTime;

use crate::{Call, Calls, Who};

/// What a rehearsal needs of a request line.
#[derive(Debug, Deserialize)]
pub struct Line<'a> {
    /// The request's name.
    #[serde(borrow)]
    pub request_id: Option<&'a str>,
    #[serde(borrow)]
    path: Option<&'a str>,
    bucket: Option<u16>,
    #[serde(borrow)]
    route: Option<&'a str>,
    #[serde(borrow)]
    reason: Option<&'a str>,
    #[serde(borrow)]
    code: Option<&'a str>,
    /// Added by what collected the lines.
    timestamp: Option<Moment>,
}

/// When a line was written.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Moment {
    /// Since the epoch.
    Milliseconds(i64),
    /// RFC 3339.
    Text(String),
}

impl Moment {
    /// Seconds since the epoch.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        match self {
            Self::Milliseconds(milliseconds) => Some(milliseconds.div_euclid(1_000)),
            Self::Text(text) => UnixTime::parse_rfc3339(text).ok().map(UnixTime::secs),
        }
    }
}

/// What happened to one request, with all that it wrote.
#[derive(Deserialize)]
struct Event {
    #[serde(alias = "Logs")]
    logs: Vec<Written>,
}

#[derive(Deserialize)]
struct Written {
    #[serde(alias = "Message")]
    message: Vec<Value>,
    #[serde(alias = "TimestampMs")]
    timestamp: Option<Moment>,
}

/// Hands `take` each line in turn: which one it is, counted from 1, the JSON, and when it was written, where that is said around it.
pub fn each(text: &[u8], mut take: impl FnMut(usize, &[u8], Option<i64>)) {
    let mut events = serde_json::Deserializer::from_slice(text)
        .into_iter::<Event>()
        .map_while(Result::ok)
        .peekable();
    if events.peek().is_some() {
        let written = events.flat_map(|event| event.logs);
        for (index, written) in written.enumerate() {
            let at = written.timestamp.as_ref().and_then(Moment::seconds);
            let line = written.message.first().and_then(Value::as_str);
            take(index + 1, line.unwrap_or_default().as_bytes(), at);
        }
        return;
    }
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let begins = line.iter().position(|byte| *byte == b'{');
        let ends = line.iter().rposition(|byte| *byte == b'}');
        let json = begins
            .zip(ends)
            .and_then(|(begins, ends)| line.get(begins..=ends));
        take(index + 1, json.unwrap_or_default(), None);
    }
}

/// What a path of the legacy contract is about, if the percentage steers it.
#[must_use]
pub fn purpose(path: &str) -> Option<Purpose> {
    match path.strip_prefix("/api").unwrap_or(path) {
        "/auth/login" | "/auth/forgot-password" => Some(Purpose::SignIn),
        "/auth/register" => Some(Purpose::Registration),
        _ => None,
    }
}

/// Reads them; what is not a sign-in is skipped.
#[must_use]
pub fn calls(text: &[u8]) -> Calls {
    let mut read = Calls::default();
    each(text, |number, json, at| {
        let line = serde_json::from_slice::<Line<'_>>(json).ok();
        match line.and_then(|line| line.call(number, at)) {
            Some(call) => read.calls.push(call),
            None => read.skipped += 1,
        }
    });
    read
}

impl Line<'_> {
    /// The sign-in that it is about, if it is.
    #[must_use]
    pub fn call(&self, number: usize, at: Option<i64>) -> Option<Call> {
        // Refused before anybody decided, or decided by a token: it would be again.
        let is_answered = [Side::V2, Side::Legacy]
            .iter()
            .any(|side| self.route == Some(side.as_str()));
        // The edge answers itself where neither side does.
        let is_decided = is_answered || self.code.is_some_and(|code| code.starts_with("UPSTREAM_"));
        let by_token = self.reason.is_some_and(|reason| reason.starts_with("token_"));
        if !is_decided || by_token {
            return None;
        }
        let was = |reason: Reason| self.reason == Some(reason.as_str());
        Some(Call {
            line: number,
            at: at.or_else(|| self.timestamp.as_ref()?.seconds()),
            purpose: purpose(self.path?)?,
            who: self
                .bucket
                .and_then(Bucket::from_number)
                .map_or(Who::Unknown, Who::Bucket),
            on_list: if was(Reason::ForcedV2) {
                Some(Side::V2)
            } else {
                was(Reason::ForcedLegacy).then_some(Side::Legacy)
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::routing::Side;

    use super::calls;
    use crate::Who;

    #[test]
    fn sign_ins_are_read_and_everything_else_is_skipped() {
        let log = br#"{"level":"info","request_id":"a","method":"POST","path":"/auth/login","status":200,"route":"legacy","reason":"not_in_cohort","bucket":4711,"duration_ms":12,"timestamp":1800000000123}
{"level":"info","path":"/auth/login","status":401,"route":"v2","reason":"in_cohort","bucket":3,"timestamp":"2027-01-15T08:00:00.5Z"}
{"level":"info","path":"/v1/auth/me","status":200,"route":"v2","reason":"new_contract"}
{"level":"info","path":"/auth/login","status":429,"route":"edge","reason":"login_limit"}
{"level":"info","path":"/auth/login","status":200,"route":"v2","reason":"token_issuer"}
not json

"#;
        let read = calls(log);
        let buckets: Vec<_> = read
            .calls
            .iter()
            .map(|call| match call.who {
                Who::Bucket(bucket) => (call.line, bucket.number(), call.at),
                _ => panic!("no bucket"),
            })
            .collect();
        assert_eq!(
            buckets,
            [(1, 4711, Some(1_800_000_000)), (2, 3, Some(1_800_000_000))]
        );
        assert_eq!(read.skipped, 4);
    }

    #[test]
    fn sign_ins_are_read_whichever_rule_decided() {
        let log = br#"{"path":"/auth/login","route":"legacy","reason":"kill_switch","bucket":7}
{"path":"/auth/login","route":"legacy","reason":"stepped_down"}
{"path":"/auth/login","route":"v2","reason":"forced_v2","bucket":9}
{"path":"/auth/login","route":"legacy","reason":"forced_legacy","bucket":9}
{"path":"/auth/register","route":"v2","reason":"new_users","bucket":8}
{"path":"/auth/login","route":"edge","reason":"breaker_open","code":"UPSTREAM_UNAVAILABLE","bucket":8}
"#;
        let read = calls(log);
        assert_eq!((read.calls.len(), read.skipped), (6, 0));
        let lists: Vec<_> = read.calls.iter().map(|call| call.on_list).collect();
        assert_eq!(
            lists,
            [None, None, Some(Side::V2), Some(Side::Legacy), None, None]
        );
    }

    /// One line, in each form in which an operator gets it.
    #[test]
    fn lines_are_read_as_each_tool_gives_them() {
        let line = r#"{"level":"warn","request_id":"a","path":"/auth/login","status":200,"route":"v2","reason":"fallback_timeout","instead_of":"legacy","bucket":9537}"#;
        let event = serde_json::json!({
            "outcome": "ok", "scriptName": "edge", "eventTimestamp": 1_800_000_000_100_i64,
            "event": { "request": { "url": "https://api.example.com/auth/login", "method": "POST" } },
            "logs": [
                { "message": ["another"], "level": "log", "timestamp": 1_800_000_000_000_i64 },
                { "message": [line], "level": "warn", "timestamp": 1_800_000_000_123_i64 },
            ],
            "exceptions": [],
        });
        let pushed = serde_json::json!({
            "EventType": "fetch", "ScriptName": "edge",
            "Logs": [{ "Level": "warn", "Message": [line], "TimestampMs": 1_800_000_000_123_i64 }],
        });
        let at = Some(1_800_000_000);
        for (tool, text, expected) in [
            ("the edge", format!("{line}\n{line}\n"), None),
            (
                "wrangler dev",
                format!("[wrangler:info] Ready\n\u{1b}[33m\u{25b2} \u{1b}[1m{line}\u{1b}[0m\n\n{line}\n"),
                None,
            ),
            ("wrangler tail", format!("{event:#}\n{event:#}\n"), at),
            ("Logpush", format!("{pushed}\n{pushed}\n"), at),
        ] {
            let read = calls(text.as_bytes());
            let times: Vec<_> = read.calls.iter().map(|call| call.at).collect();
            assert_eq!(times, [expected; 2], "{tool}");
        }
    }
}
