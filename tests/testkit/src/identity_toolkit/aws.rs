//! AWS beside Google: an instance's metadata server, which wants a session, and the verdict of its Security Token Service on a request that
//! Google passes on.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, body::Body};
use ring::{digest, hmac};
use serde::Deserialize;
use serde_json::json;

const SESSION: &str = "a-session-of-the-metadata-server";
const KEY: &str = "ASIAEXAMPLE";
const SECRET: &str = "a/secret+key";
const TOKEN: &str = "a-session-token==";
/// How old a request may be, in seconds.
const AGE: i64 = 300;

/// `PUT /latest/api/token`.
pub(super) async fn session(headers: HeaderMap) -> Result<&'static str, StatusCode> {
    match headers.get("x-aws-ec2-metadata-token-ttl-seconds") {
        Some(seconds) if seconds.to_str().is_ok_and(|text| text.parse::<u32>().is_ok()) => Ok(SESSION),
        _ => Err(StatusCode::BAD_REQUEST),
    }
}

/// `GET /latest/meta-data/…`.
pub(super) async fn metadata(Path(what): Path<String>, headers: HeaderMap) -> Response<Body> {
    if headers
        .get("x-aws-ec2-metadata-token")
        .is_none_or(|session| session != SESSION)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match what.as_str() {
        "zone" => "eu-central-1b".into_response(),
        "keys" => "the-role".into_response(),
        "keys/the-role" => Json(json!({
            "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN,
            "Expiration": "2999-01-01T00:00:00Z",
        }))
        .into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Deserialize)]
struct Request {
    url: String,
    method: String,
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    key: String,
    value: String,
}

/// Whether `subject` is a `GetCallerIdentity` for `audience` that AWS would answer now.
pub(super) fn is_signed(subject: &str, audience: &str, now: i64) -> bool {
    judged(subject, audience, now).unwrap_or(false)
}

fn judged(subject: &str, audience: &str, now: i64) -> Option<bool> {
    let text = decoded(subject)?;
    let request: Request = serde_json::from_str(&text).ok()?;
    let mut headers: BTreeMap<String, String> = request
        .headers
        .into_iter()
        .map(|header| (header.key.to_ascii_lowercase(), header.value))
        .collect();
    let authorization = headers.remove("authorization")?;
    let rest = request
        .url
        .strip_prefix("https://sts.eu-central-1.amazonaws.com/?")?;
    let at = headers.get("x-amz-date")?;
    let signed_at = chrono::NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%SZ").ok()?;
    let is_fresh = now.saturating_sub(signed_at.and_utc().timestamp()).abs() <= AGE;
    let is_ours = headers.get("x-goog-cloud-target-resource")? == audience
        && headers.get("x-amz-security-token")? == TOKEN
        && headers.get("host")? == "sts.eu-central-1.amazonaws.com"
        && rest == "Action=GetCallerIdentity&Version=2011-06-15"
        && request.method == "POST";
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let canonical = format!("POST\n/\n{rest}\n{lines}\n{names}\n{}", sha256(""));
    let day = at.get(..8)?;
    let scope = format!("{day}/eu-central-1/sts/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", sha256(&canonical));
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [day, "eu-central-1", "sts", "aws4_request", text.as_str()] {
        key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes())
            .as_ref()
            .to_vec();
    }
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={}",
        hex(&key)
    );
    Some(is_fresh && is_ours && authorization == expected)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
