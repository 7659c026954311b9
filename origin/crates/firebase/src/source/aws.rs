//! AWS as another cloud: an instance's role signs a request to AWS's Security Token Service, and Google sends it to learn our identity.
//!
//! <https://google.aip.dev/auth/4117>; signatures by AWS's version 4:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use chrono::DateTime;
use reqwest::{RequestBuilder, Url};
use ring::{digest, hmac};
use serde::Deserialize;
use shared::config::Reader;
use shared::time::UnixTime;

use super::bad_file::{BadFile, INCOMPLETE};
use super::exchange::{MAX_SUBJECT_BYTES, TIMEOUT, encode, no_subject};
use crate::FirebaseError;
use crate::transport::{send, send_text};

/// How long a session with the metadata server is good for, in seconds.
const SESSION_SECONDS: &str = "300";
/// The metadata server of an instance, by its two addresses.
const METADATA_HOSTS: [&str; 2] = ["169.254.169.254", "[fd00:ec2::254]"];

/// An access key of AWS, with its session token.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Keys {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

/// The variables that AWS sets for its functions and containers.
#[derive(Clone, Default)]
pub struct Environment {
    region: Option<String>,
    keys: Option<Keys>,
}

// It may contain secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

// It may contain secrets.
impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws").finish_non_exhaustive()
    }
}

impl Environment {
    /// Reads `AWS_REGION`, else `AWS_DEFAULT_REGION`; `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    pub fn read(reader: &Reader<'_>) -> Self {
        let (region, usual) = (reader.text("AWS_REGION"), reader.text("AWS_DEFAULT_REGION"));
        let (id, secret) = (
            reader.text("AWS_ACCESS_KEY_ID"),
            reader.text("AWS_SECRET_ACCESS_KEY"),
        );
        let token = reader.text("AWS_SESSION_TOKEN");
        Self {
            region: region.or(usual),
            keys: id.zip(secret).map(|(access_key_id, secret_access_key)| Keys {
                access_key_id,
                secret_access_key,
                token,
            }),
        }
    }
}

/// The `credential_source` of a file.
#[derive(Clone)]
pub struct Aws {
    environment: Environment,
    region_url: Option<String>,
    keys_url: Option<String>,
    session_url: Option<String>,
    verification_url: String,
}

/// Its fields.
#[derive(Deserialize)]
pub(super) struct Fields {
    environment_id: String,
    region_url: Option<String>,
    url: Option<String>,
    imdsv2_session_token_url: Option<String>,
    regional_cred_verification_url: Option<String>,
}

impl Aws {
    /// `allowed` judges addresses besides those of the metadata server.
    pub(super) fn new(
        fields: Fields,
        environment: Environment,
        allowed: &dyn Fn(&str) -> bool,
    ) -> Result<Self, BadFile> {
        if fields.environment_id != "aws1" {
            return Err("names a file with an environment_id other than aws1");
        }
        let asked = [&fields.region_url, &fields.url, &fields.imdsv2_session_token_url];
        let is_metadata = |url: &str| {
            Url::parse(url).is_ok_and(|url| {
                let host = url.host_str().unwrap_or_default();
                METADATA_HOSTS.contains(&host)
            })
        };
        if !asked
            .into_iter()
            .flatten()
            .all(|url| is_metadata(url) || allowed(url))
        {
            return Err("names a file whose AWS addresses are not those of the metadata server");
        }
        let verification_url = fields.regional_cred_verification_url.ok_or(INCOMPLETE)?;
        if !verification_url.starts_with("https://sts.") {
            return Err("names a file whose regional_cred_verification_url is not one of AWS's STS");
        }
        Ok(Self {
            environment,
            region_url: fields.region_url,
            keys_url: fields.url,
            session_url: fields.imdsv2_session_token_url,
            verification_url,
        })
    }

    /// The signed request for `audience`, which Google accepts as a token.
    pub(super) async fn subject_token(
        &self,
        client: &reqwest::Client,
        audience: &str,
        now: UnixTime,
    ) -> Result<String, FirebaseError> {
        let session = self.session(client).await?;
        let region = self.region(client, session.as_deref()).await?;
        let keys = self.keys(client, session.as_deref()).await?;
        let url = self.verification_url.replace("{region}", &region);
        let url = Url::parse(&url).map_err(|_| no_subject("AWS_STS_ADDRESS"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut headers = vec![
            ("host", host),
            ("x-amz-date", moment(now)),
            ("x-goog-cloud-target-resource", audience.to_owned()),
        ];
        if let Some(token) = &keys.token {
            headers.insert(2, ("x-amz-security-token", token.clone()));
        }
        let signed = authorization(&keys, &region, "sts", "POST", &url, &headers);
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain([("Authorization", signed.as_str())])
            .map(|(key, value)| serde_json::json!({ "key": key, "value": value }))
            .collect();
        let request = serde_json::json!({ "url": url.as_str(), "method": "POST", "headers": headers });
        let mut token = String::new();
        encode(&request.to_string(), &mut token);
        Ok(token)
    }

    /// A session with the metadata server, where it requires one and the service uses it at all.
    async fn session(&self, client: &reqwest::Client) -> Result<Option<String>, FirebaseError> {
        let known = self.environment.region.is_some() && self.environment.keys.is_some();
        let Some(url) = self.session_url.as_ref().filter(|_| !known) else {
            return Ok(None);
        };
        let request = client
            .put(url)
            .header("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS);
        send_text(request.timeout(TIMEOUT), MAX_SUBJECT_BYTES)
            .await
            .map(Some)
    }

    async fn region(&self, client: &reqwest::Client, session: Option<&str>) -> Result<String, FirebaseError> {
        if let Some(region) = &self.environment.region {
            return Ok(region.clone());
        }
        let url = self.region_url.as_ref().ok_or_else(|| no_subject("AWS_REGION"))?;
        let zone = send_text(asked(client, url, session), 256).await?;
        // A zone is its region and a letter.
        let region = zone
            .trim()
            .trim_end_matches(|last: char| last.is_ascii_lowercase());
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || !region.bytes().all(is_plain) {
            return Err(no_subject("AWS_REGION"));
        }
        Ok(region.to_owned())
    }

    async fn keys(&self, client: &reqwest::Client, session: Option<&str>) -> Result<Keys, FirebaseError> {
        if let Some(keys) = &self.environment.keys {
            return Ok(keys.clone());
        }
        let url = self.keys_url.as_ref().ok_or_else(|| no_subject("AWS_KEYS"))?;
        let role = send_text(asked(client, url, session), 1024).await?;
        let url = format!("{}/{}", url.trim_end_matches('/'), role.trim());
        send(asked(client, &url, session)).await
    }
}

fn asked(client: &reqwest::Client, url: &str, session: Option<&str>) -> RequestBuilder {
    let request = client.get(url).timeout(TIMEOUT);
    match session {
        Some(session) => request.header("x-aws-ec2-metadata-token", session),
        None => request,
    }
}

/// `20150830T123600Z`.
fn moment(now: UnixTime) -> String {
    DateTime::from_timestamp(now.secs(), 0)
        .map(|now| now.format("%Y%m%dT%H%M%SZ").to_string())
        .unwrap_or_default()
}

/// The header `Authorization` of a request without a body. `headers` has lower-case names in alphabetical order, with `x-amz-date`.
fn authorization(
    keys: &Keys,
    region: &str,
    service: &str,
    method: &str,
    url: &Url,
    headers: &[(&str, String)],
) -> String {
    let at = headers.iter().find(|(name, _)| *name == "x-amz-date");
    let at = at.map(|(_, at)| at.as_str()).unwrap_or_default();
    let day = at.split('T').next().unwrap_or_default();
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    let mut query: Vec<&str> = url.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let request = format!(
        "{method}\n{}\n{}\n{lines}\n{names}\n{}",
        url.path(),
        query.join("&"),
        sha256("")
    );
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", sha256(&request));
    let mut key = format!("AWS4{}", keys.secret_access_key).into_bytes();
    for part in [day, region, service, "aws4_request", &text] {
        let step = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes());
        key = step.as_ref().to_vec();
    }
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        keys.access_key_id,
        hex(&key)
    )
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `get-vanilla` and `get-vanilla-query-order-key` of AWS's test suite for version 4.
    #[test]
    fn signature_equals_the_published_vectors() {
        let keys = Keys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let headers = [
            ("host", "example.amazonaws.com".to_owned()),
            ("x-amz-date", moment(UnixTime::from_secs(1_440_938_160))),
        ];
        for (url, signature) in [
            (
                "https://example.amazonaws.com/",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(
                authorization(&keys, "us-east-1", "service", "GET", &url, &headers),
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature={signature}"
                )
            );
        }
    }
}
