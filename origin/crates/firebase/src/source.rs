//! The sources of access tokens: a key, a user's own login, another cloud's identity, another service account, or the machine itself.
//!
//! The kinds of Application Default Credentials: <https://docs.cloud.google.com/docs/authentication/application-default-credentials>. Own
//! code: it is a few form posts, and the libraries for it bring an HTTP client of their own, without our deadlines.

mod aws;
mod executable;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use shared::base64url;
use shared::time::UnixTime;

use super::FirebaseError;
use super::service_account::ServiceAccount;
use super::transport::{send, send_text, with_json};
use aws::Aws;
pub use aws::Environment as AwsEnvironment;
pub use executable::ALLOWED as EXECUTABLES_ALLOWED;
use executable::Executable;

/// The scope of our tokens, which also allows signing for a service account.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// A subject token is a JWT or an assertion of a few KiB.
const MAX_SUBJECT_BYTES: usize = 64 * 1024;
/// Google's default lifetime, in seconds.
const IMPERSONATION_SECONDS: u32 = 3600;
/// How long each call for a token may take. Its waiters have their own calls to make afterwards.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A source of access tokens.
#[derive(Clone)]
pub enum Source {
    /// A service account's key.
    Key(ServiceAccount),
    /// `authorized_user`: the file of `gcloud auth application-default login`.
    User {
        /// The OAuth client.
        client_id: String,
        /// Its secret.
        client_secret: String,
        /// The user's refresh token.
        refresh_token: String,
        /// The address that exchanges it.
        token_uri: String,
    },
    /// `external_account`: workload identity federation.
    External(Box<External>),
    /// `impersonated_service_account`, or an `external_account` that leads to one.
    Impersonated {
        /// The source that impersonates.
        by: Box<Source>,
        /// Google's address for the impersonation: `…/serviceAccounts/{mail}:generateAccessToken`.
        url: String,
        /// The accounts in between.
        delegates: Vec<String>,
        /// How long a token is good for, in seconds.
        lifetime: u32,
    },
    /// The metadata server of Cloud Run, Compute Engine and their like, at this base address.
    Metadata(String),
}

/// An identity of another cloud, exchanged at Google's Security Token Service:
/// <https://docs.cloud.google.com/iam/docs/workload-identity-federation>, RFC 8693.
#[derive(Clone)]
pub struct External {
    /// The provider, in full.
    pub audience: String,
    /// The kind of the other cloud's token.
    pub subject_token_type: String,
    /// The address that exchanges it.
    pub token_url: String,
    /// The source of the other cloud's token.
    pub subject: Subject,
    /// The JSON field with the token, where the subject is JSON.
    pub field: Option<String>,
    /// The project to which a workforce user's calls are charged.
    pub user_project: Option<String>,
}

/// The source of the other cloud's token.
#[derive(Clone)]
pub enum Subject {
    /// A file, read each time: it is replaced while the service runs.
    File(PathBuf),
    /// An address, with these request headers.
    Url(String, Vec<(String, String)>),
    /// A signed request that AWS answers.
    Aws(Box<Aws>),
    /// The output of a program.
    Executable(Executable),
}

/// An access token and how long it is good for, in seconds.
pub(super) struct Fetched {
    pub token: String,
    pub expires_in: i64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImpersonationAnswer {
    access_token: String,
    expire_time: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

// Addresses and headers of other clouds may contain secrets.
impl std::fmt::Debug for External {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("External").finish_non_exhaustive()
    }
}
impl std::fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("executables", &self.executables)
            .finish_non_exhaustive()
    }
}
impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File(_) => "File",
            Self::Url(..) => "Url",
            Self::Aws(_) => "Aws",
            Self::Executable(_) => "Executable",
        })
    }
}

impl Source {
    /// Its name in Google's files, for operators.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "service_account",
            Self::User { .. } => "authorized_user",
            Self::External(_) => "external_account",
            Self::Impersonated { .. } => "impersonated_service_account",
            Self::Metadata(_) => "metadata",
        }
    }

    /// The service account of its tokens, where the configuration names it.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        match self {
            Self::Key(account) => Some(account.email()),
            Self::Impersonated { url, .. } => account_in(url),
            Self::User { .. } | Self::External(_) | Self::Metadata(_) => None,
        }
    }

    /// A new access token.
    pub(super) async fn fetch(
        &self,
        client: &reqwest::Client,
        now: UnixTime,
    ) -> Result<Fetched, FirebaseError> {
        match self {
            Self::Impersonated {
                by,
                url,
                delegates,
                lifetime,
            } => {
                let first = Box::pin(by.fetch(client, now)).await?;
                let body = serde_json::json!({
                    "scope": [SCOPE], "delegates": delegates, "lifetime": format!("{lifetime}s"),
                });
                let request = with_json(client.post(url).bearer_auth(first.token), &body);
                let answer: ImpersonationAnswer = send(request.timeout(TIMEOUT)).await?;
                let ends = chrono::DateTime::parse_from_rfc3339(&answer.expire_time);
                let ends = ends.map_err(|_| not_understood())?.timestamp();
                Ok(Fetched {
                    token: answer.access_token,
                    expires_in: UnixTime::from_secs(ends).since(now),
                })
            }
            Self::Metadata(base) => {
                let url = format!("{base}/computeMetadata/v1/instance/service-accounts/default/token");
                let request = client.get(url).header("metadata-flavor", "Google");
                fetched(send(request.timeout(TIMEOUT)).await?)
            }
            Self::Key(account) => {
                let assertion = account
                    .assertion(now)
                    .ok_or(FirebaseError::NotConfigured("FIREBASE_PRIVATE_KEY"))?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                let fields = [("grant_type", grant), ("assertion", &assertion)];
                post_form(client, account.token_uri(), &fields).await
            }
            Self::User {
                client_id,
                client_secret,
                refresh_token,
                token_uri,
            } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                    ("refresh_token", refresh_token),
                ];
                post_form(client, token_uri, &fields).await
            }
            Self::External(external) => external.fetch(client, now).await,
        }
    }
}

impl External {
    async fn fetch(&self, client: &reqwest::Client, now: UnixTime) -> Result<Fetched, FirebaseError> {
        let subject = self.subject_token(client, now).await?;
        let options = self
            .user_project
            .as_ref()
            .map(|project| serde_json::json!({ "userProject": project }).to_string());
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", SCOPE),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
            ("subject_token_type", self.subject_token_type.as_str()),
            ("subject_token", subject.as_str()),
        ];
        if let Some(options) = &options {
            fields.push(("options", options));
        }
        post_form(client, &self.token_url, &fields).await
    }

    /// The other cloud's current token.
    async fn subject_token(&self, client: &reqwest::Client, now: UnixTime) -> Result<String, FirebaseError> {
        let text = match &self.subject {
            Subject::File(path) => {
                let read = tokio::fs::read_to_string(path).await;
                read.map_err(|_| no_subject("SUBJECT_TOKEN_FILE"))?
            }
            Subject::Url(url, headers) => {
                let mut request = client.get(url).timeout(TIMEOUT);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                send_text(request, MAX_SUBJECT_BYTES).await?
            }
            Subject::Aws(aws) => return aws.subject_token(client, &self.audience, now).await,
            Subject::Executable(program) => {
                return program
                    .subject_token(&self.audience, &self.subject_token_type, now)
                    .await;
            }
        };
        if text.len() > MAX_SUBJECT_BYTES {
            return Err(no_subject("SUBJECT_TOKEN_TOO_LARGE"));
        }
        let Some(field) = &self.field else {
            return Ok(text.trim().to_owned());
        };
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|_| no_subject("SUBJECT_TOKEN_NOT_JSON"))?;
        let token = json.get(field).and_then(serde_json::Value::as_str);
        token
            .map(str::to_owned)
            .ok_or_else(|| no_subject("SUBJECT_TOKEN_FIELD"))
    }
}

/// An outage of the source of our own identity, not a refusal by Google.
fn no_subject(code: &str) -> FirebaseError {
    FirebaseError::OurCredentials {
        status: 0,
        code: code.to_owned(),
    }
}

fn not_understood() -> FirebaseError {
    FirebaseError::Outage {
        status: 200,
        code: "ANSWER_NOT_UNDERSTOOD".to_owned(),
    }
}

async fn post_form(
    client: &reqwest::Client,
    url: &str,
    fields: &[(&str, &str)],
) -> Result<Fetched, FirebaseError> {
    let mut body = String::new();
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        encode(value, &mut body);
    }
    let request = client
        .post(url)
        .timeout(TIMEOUT)
        .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    fetched(send(request).await?)
}

fn fetched(answer: TokenAnswer) -> Result<Fetched, FirebaseError> {
    if answer.access_token.is_empty() || answer.expires_in <= 0 {
        return Err(not_understood());
    }
    Ok(Fetched {
        token: answer.access_token,
        expires_in: answer.expires_in,
    })
}

/// Percent-encodes everything except unreserved characters (RFC 3986 section 2.3).
fn encode(text: &str, into: &mut String) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedAnswer {
    signed_blob: String,
}

/// A JWT of `claims`, signed by Google for `account`: the caller needs `iam.serviceAccounts.signBlob` on it.
/// <https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob>
pub(super) async fn sign_at_google(
    client: &reqwest::Client,
    iam: &str,
    account: &str,
    bearer: String,
    claims: &serde_json::Value,
) -> Result<String, FirebaseError> {
    let header = base64url::encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", base64url::encode(claims.to_string().as_bytes()));
    let body = serde_json::json!({ "payload": standard_base64(signed.as_bytes()) });
    let url = format!("{iam}/v1/projects/-/serviceAccounts/{account}:signBlob");
    let request = with_json(client.post(url).bearer_auth(bearer), &body);
    let answer: SignedAnswer = send(request.timeout(TIMEOUT)).await?;
    // Google writes standard base64; the signature of a JWT is web-safe.
    let signature = answer
        .signed_blob
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    if signature.is_empty()
        || !signature
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    {
        return Err(not_understood());
    }
    Ok(format!("{signed}.{signature}"))
}

/// Base64 with `+`, `/` and padding, which Google's JSON requires for bytes.
fn standard_base64(bytes: &[u8]) -> String {
    let mut text = base64url::encode(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// The address of this machine's service account.
pub(super) async fn metadata_email(client: &reqwest::Client, base: &str) -> Result<String, FirebaseError> {
    let url = format!("{base}/computeMetadata/v1/instance/service-accounts/default/email");
    let request = client
        .get(url)
        .header("metadata-flavor", "Google")
        .timeout(TIMEOUT);
    let email = send_text(request, 1024).await?;
    let email = email.trim();
    if email.contains('@') && email.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(email.to_owned())
    } else {
        Err(not_understood())
    }
}

/// Why a file of credentials cannot be used: the rule as text, never a part of the file.
pub type BadFile = &'static str;

/// The limits on what a file of credentials may cause.
pub struct Rules<'a> {
    /// Judges addresses that receive secrets.
    pub allowed: &'a dyn Fn(&str) -> bool,
    /// Whether the service may run programs.
    pub executables: bool,
    /// AWS's variables in our environment.
    pub aws: AwsEnvironment,
}

/// Reads a file of Application Default Credentials.
///
/// # Errors
/// [`BadFile`].
pub fn read_file(text: &[u8], rules: &Rules<'_>) -> Result<(Source, Option<String>), BadFile> {
    let file: File = serde_json::from_slice(text)
        .map_err(|_| "names a file that holds no credentials of Google's kinds")?;
    let quota_project = file.quota_project_id.clone();
    Ok((source_of(file, rules, 0)?, quota_project))
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    client_email: Option<String>,
    private_key: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    quota_project_id: Option<String>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    credential_source: Option<serde_json::Value>,
    workforce_pool_user_project: Option<String>,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
    source_credentials: Option<Box<File>>,
    #[serde(default)]
    delegates: Vec<String>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u32>,
}

const INCOMPLETE: BadFile = "names a file of credentials that lacks a field of its kind";
const UNSAFE_ADDRESS: BadFile =
    "names a file with an address that may not be sent credentials: it is not an https URL";
/// The address for a file that names no other.
const USER_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

fn source_of(file: File, rules: &Rules<'_>, depth: u8) -> Result<Source, BadFile> {
    let safe = |url: &str| {
        if (rules.allowed)(url) {
            Ok(())
        } else {
            Err(UNSAFE_ADDRESS)
        }
    };
    match file.kind.as_str() {
        "service_account" => {
            let (email, key) = (
                file.client_email.ok_or(INCOMPLETE)?,
                file.private_key.ok_or(INCOMPLETE)?,
            );
            let account = ServiceAccount::new(email, &key)
                .map_err(|_| "names a file that is no service account key")?;
            let account = match file.token_uri {
                Some(uri) => account.exchanged_at(uri),
                None => account,
            };
            safe(account.token_uri())?;
            Ok(Source::Key(account))
        }
        "authorized_user" => {
            let token_uri = file.token_uri.unwrap_or_else(|| USER_TOKEN_URI.to_owned());
            safe(&token_uri)?;
            Ok(Source::User {
                client_id: file.client_id.ok_or(INCOMPLETE)?,
                client_secret: file.client_secret.ok_or(INCOMPLETE)?,
                refresh_token: file.refresh_token.ok_or(INCOMPLETE)?,
                token_uri,
            })
        }
        "external_account" => {
            let token_url = file.token_url.ok_or(INCOMPLETE)?;
            safe(&token_url)?;
            let impersonation = file.service_account_impersonation_url;
            let (mut subject, field) = subject_of(file.credential_source.ok_or(INCOMPLETE)?, rules)?;
            if let Subject::Executable(program) = &mut subject {
                program.impersonated = impersonation.as_deref().and_then(account_in).map(str::to_owned);
            }
            let external = Source::External(Box::new(External {
                audience: file.audience.ok_or(INCOMPLETE)?,
                subject_token_type: file.subject_token_type.ok_or(INCOMPLETE)?,
                token_url,
                subject,
                field,
                user_project: file.workforce_pool_user_project,
            }));
            let Some(url) = impersonation else {
                return Ok(external);
            };
            safe(&url)?;
            let lifetime = file
                .service_account_impersonation
                .and_then(|options| options.token_lifetime_seconds)
                .unwrap_or(IMPERSONATION_SECONDS);
            Ok(impersonated(external, url, Vec::new(), lifetime))
        }
        "impersonated_service_account" if depth == 0 => {
            let url = file.service_account_impersonation_url.ok_or(INCOMPLETE)?;
            safe(&url)?;
            let by = source_of(*file.source_credentials.ok_or(INCOMPLETE)?, rules, 1)?;
            Ok(impersonated(by, url, file.delegates, IMPERSONATION_SECONDS))
        }
        _ => Err("names a file of credentials of a kind that is not supported"),
    }
}

fn impersonated(by: Source, url: String, delegates: Vec<String>, lifetime: u32) -> Source {
    Source::Impersonated {
        by: Box::new(by),
        url,
        delegates,
        lifetime: lifetime.clamp(600, 43_200),
    }
}

/// The service account in Google's address for its impersonation.
fn account_in(url: &str) -> Option<&str> {
    let (_, account) = url.rsplit_once("/serviceAccounts/")?;
    account.strip_suffix(":generateAccessToken")
}

fn subject_of(source: serde_json::Value, rules: &Rules<'_>) -> Result<(Subject, Option<String>), BadFile> {
    if let Some(fields) = source.get("executable") {
        let fields = Deserialize::deserialize(fields).map_err(|_| INCOMPLETE)?;
        let program = Executable::new(fields, rules.executables)?;
        return Ok((Subject::Executable(program), None));
    }
    if source.get("environment_id").is_some() {
        let fields = Deserialize::deserialize(source).map_err(|_| INCOMPLETE)?;
        let aws = Aws::new(fields, rules.aws.clone(), rules.allowed)?;
        return Ok((Subject::Aws(Box::new(aws)), None));
    }
    let source = CredentialSource::deserialize(source).map_err(|_| INCOMPLETE)?;
    let field = match source.format {
        Some(format) if format.kind == "json" => Some(format.subject_token_field_name.ok_or(INCOMPLETE)?),
        _ => None,
    };
    match (source.file, source.url) {
        (Some(path), None) => Ok((Subject::File(path), field)),
        (None, Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok((Subject::Url(url, source.headers.into_iter().collect()), field))
        }
        _ => Err(INCOMPLETE),
    }
}

/// Turns a failure of these calls into one about our credentials, with any code.
pub(super) fn about_us(error: FirebaseError) -> FirebaseError {
    match error {
        FirebaseError::Unavailable(_)
        | FirebaseError::Exhausted { .. }
        | FirebaseError::Outage { .. }
        | FirebaseError::OurCredentials { .. }
        | FirebaseError::NotConfigured(_) => error,
        error => FirebaseError::OurCredentials {
            status: error.status().unwrap_or(400),
            code: "ACCESS_TOKEN_REFUSED".to_owned(),
        },
    }
}

#[cfg(test)]
#[path = "source/tests.rs"]
mod tests;
