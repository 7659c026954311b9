//! HAR files (<http://www.softwareishard.com/blog/har-12-spec/>).

use serde::Deserialize;
use shared::ids::NormalizedEmail;
use shared::time::UnixTime;

use crate::lines::purpose;
use crate::{Call, Calls, Who};

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct PostData {
    text: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    email: Option<String>,
}

/// Whether this begins like a HAR file and not like a line of a log.
#[must_use]
pub fn is_har(text: &[u8]) -> bool {
    let dense: Vec<u8> = text
        .iter()
        .copied()
        .skip_while(|byte| *byte != b'{')
        .filter(|byte| !byte.is_ascii_whitespace())
        .take(7)
        .collect();
    dense == b"{\"log\":"
}

/// Reads the sign-ins and registrations.
///
/// # Errors
/// It is no HAR file.
pub fn calls(text: &[u8]) -> Result<Calls, serde_json::Error> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let har: Har = serde_json::from_slice(text)?;
    let all = har.log.entries.len();
    let calls: Vec<Call> = har
        .log
        .entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| call(index + 1, entry))
        .collect();
    Ok(Calls {
        skipped: all - calls.len(),
        calls,
    })
}

fn call(line: usize, entry: &Entry) -> Option<Call> {
    if entry.request.method != "POST" {
        return None;
    }
    let (_, rest) = entry.request.url.split_once("://")?;
    let path = rest.find('/').and_then(|at| rest.get(at..))?;
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let body = entry
        .request
        .post_data
        .as_ref()
        .and_then(|data| data.text.as_deref());
    let email = body
        .and_then(|text| serde_json::from_str::<Body>(text).ok())
        .and_then(|body| body.email)
        .and_then(|email| NormalizedEmail::parse(&email).ok());
    Some(Call {
        line,
        on_list: None,
        at: UnixTime::parse_rfc3339(&entry.started_date_time)
            .ok()
            .map(UnixTime::secs),
        purpose: purpose(path)?,
        who: email.map_or(Who::Unknown, Who::Email),
    })
}

#[cfg(test)]
mod tests {
    use super::{calls, is_har};
    use crate::Who;

    #[test]
    fn sign_ins_of_a_har_are_read_with_their_address() {
        let har = br#"{ "log": {"version":"1.2","entries":[
            {"startedDateTime":"2027-01-15T08:00:00.123Z","request":{"method":"POST","url":"https://api.example.com/api/auth/login?x=1","postData":{"mimeType":"application/json","text":"{\"email\":\"Ada@Example.com\",\"password\":\"x\"}"}}},
            {"startedDateTime":"2027-01-15T08:00:01Z","request":{"method":"GET","url":"https://api.example.com/"}},
            {"startedDateTime":"2027-01-15T08:00:02Z","request":{"method":"POST","url":"https://api.example.com/auth/register","postData":{"text":"not json"}}}]}}"#;
        assert!(is_har(har));
        assert!(!is_har(b"{\"level\":\"info\"}"));
        let read = calls(har).unwrap();
        assert_eq!(read.skipped, 1);
        assert!(matches!(&read.calls[0].who, Who::Email(email) if email.as_str() == "ada@example.com"));
        assert_eq!(read.calls[0].at, Some(1_800_000_000));
        assert!(matches!(read.calls[1].who, Who::Unknown));
    }

    #[test]
    fn broken_har_is_refused() {
        assert!(calls(b"{\"log\":{}}").is_err());
    }
}
