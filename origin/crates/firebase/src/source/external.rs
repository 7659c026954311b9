//! An identity of another cloud, and where its token is.

use std::path::PathBuf;

use shared::time::UnixTime;

use super::aws::Aws;
use super::exchange::{Fetched, MAX_SUBJECT_BYTES, SCOPE, TIMEOUT, no_subject, post_form};
use super::executable::Executable;
use crate::FirebaseError;
use crate::transport::send_text;

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

// Addresses and headers of other clouds may contain secrets.
impl std::fmt::Debug for External {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("External").finish_non_exhaustive()
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

impl External {
    pub(super) async fn fetch(
        &self,
        client: &reqwest::Client,
        now: UnixTime,
    ) -> Result<Fetched, FirebaseError> {
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
