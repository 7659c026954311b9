//! The edge's request lines.

use serde::Deserialize;
use shared::rollout::Bucket;
use shared::routing::Purpose;
use shared::time::UnixTime;

use super::call::{Call, Who};

/// The calls of a log, and how many of its lines were none.
pub struct Calls {
    pub calls: Vec<Call>,
    pub skipped: usize,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    path: Option<&'a str>,
    bucket: Option<u16>,
    #[serde(borrow)]
    reason: Option<&'a str>,
    /// Added by what collected the lines.
    timestamp: Option<Moment>,
}

/// When a line was written.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Moment {
    Milliseconds(i64),
    Text(String),
}

impl Moment {
    /// Seconds since the epoch.
    pub fn seconds(&self) -> Option<i64> {
        match self {
            Self::Milliseconds(milliseconds) => Some(milliseconds.div_euclid(1_000)),
            Self::Text(text) => UnixTime::parse_rfc3339(text).ok().map(UnixTime::secs),
        }
    }
}

/// What a path of the legacy contract is about, if the percentage steers it.
pub fn purpose(path: &str) -> Option<Purpose> {
    match path.strip_prefix("/api").unwrap_or(path) {
        "/auth/login" | "/auth/forgot-password" => Some(Purpose::SignIn),
        "/auth/register" => Some(Purpose::Registration),
        _ => None,
    }
}

/// Reads them; what is not a sign-in is skipped.
pub fn calls(text: &[u8]) -> Calls {
    let mut read = Calls {
        calls: Vec::new(),
        skipped: 0,
    };
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let parsed = serde_json::from_slice::<Line<'_>>(line).ok();
        let call = parsed.as_ref().and_then(|parsed| call(index + 1, parsed));
        match call {
            Some(call) => read.calls.push(call),
            None => read.skipped += 1,
        }
    }
    read
}

fn call(line: usize, read: &Line<'_>) -> Option<Call> {
    // Refused before anybody decided: it would be again.
    if read.bucket.is_none() && read.reason != Some("unidentified") {
        return None;
    }
    Some(Call {
        line,
        at: read.timestamp.as_ref().and_then(Moment::seconds),
        purpose: purpose(read.path?)?,
        who: read
            .bucket
            .and_then(Bucket::from_number)
            .map_or(Who::Unknown, Who::Bucket),
    })
}

#[cfg(test)]
mod tests {
    use super::{Who, calls};

    #[test]
    fn sign_ins_are_read_and_everything_else_is_skipped() {
        let log = br#"{"level":"info","request_id":"a","method":"POST","path":"/auth/login","status":200,"route":"legacy","reason":"not_in_cohort","bucket":4711,"duration_ms":12,"timestamp":1800000000123}
{"level":"info","path":"/auth/login","status":401,"route":"v2","reason":"in_cohort","bucket":3,"timestamp":"2027-01-15T08:00:00.5Z"}
{"level":"info","path":"/v1/auth/me","status":200,"route":"v2","reason":"new_contract"}
{"level":"info","path":"/auth/login","status":429,"route":"edge","reason":"login_limit"}
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
        assert_eq!(read.skipped, 3);
    }
}
