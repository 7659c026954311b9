//! Files of Application Default Credentials.

use std::path::PathBuf;

use serde::Deserialize;

use super::aws::{Aws, Environment};
use super::bad_file::{BadFile, INCOMPLETE, UNSAFE_ADDRESS};
use super::executable::Executable;
use super::external::{External, Subject};
use super::{Source, account_in};
use crate::service_account::ServiceAccount;

/// Google's default lifetime, in seconds.
const IMPERSONATION_SECONDS: u32 = 3600;
/// The address for a file that names no other.
const USER_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The limits on what a file of credentials may cause.
pub struct Rules<'a> {
    /// Judges addresses that receive secrets.
    pub allowed: &'a dyn Fn(&str) -> bool,
    /// Whether the service may run programs.
    pub executables: bool,
    /// AWS's variables in our environment.
    pub aws: Environment,
}

impl std::fmt::Debug for Rules<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("executables", &self.executables)
            .finish_non_exhaustive()
    }
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

#[cfg(test)]
mod tests;
