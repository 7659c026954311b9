//! A program of the operator's that proves our identity, by <https://google.aip.dev/auth/4117>.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use shared::time::UnixTime;
use tokio::process::Command;

use super::bad_file::{BadFile, INCOMPLETE};
use super::exchange::{MAX_SUBJECT_BYTES, no_subject};
use crate::FirebaseError;

/// The variable that allows programs; Google's libraries require the same.
pub const ALLOWED: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";
const TIMEOUT_MS: std::ops::RangeInclusive<u64> = 5_000..=120_000;
const USUAL_TIMEOUT_MS: u64 = 30_000;
const SAML: &str = "urn:ietf:params:oauth:token-type:saml2";

/// The program and its input.
#[derive(Clone)]
pub struct Executable {
    words: Vec<String>,
    timeout: Duration,
    output_file: Option<String>,
    /// The service account that its answer impersonates.
    pub(super) impersonated: Option<String>,
}

/// The fields of `executable`.
#[derive(Deserialize)]
pub(super) struct Fields {
    command: Option<String>,
    timeout_millis: Option<u64>,
    output_file: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    version: u32,
    success: bool,
    token_type: Option<String>,
    id_token: Option<String>,
    saml_response: Option<String>,
    expiration_time: Option<i64>,
}

// It may contain secrets.
impl std::fmt::Debug for Executable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executable").finish_non_exhaustive()
    }
}

impl Executable {
    pub(super) fn new(fields: Fields, are_allowed: bool) -> Result<Self, BadFile> {
        if !are_allowed {
            return Err(
                "names a file whose credential_source is an executable, which needs GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1",
            );
        }
        let command = fields.command.ok_or(INCOMPLETE)?;
        if command.contains(['"', '\'', '\\', '$', '`']) {
            return Err("names a file whose executable's command has quotes: no shell reads it");
        }
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let timeout = fields.timeout_millis.unwrap_or(USUAL_TIMEOUT_MS);
        if words.is_empty() || !TIMEOUT_MS.contains(&timeout) {
            return Err(INCOMPLETE);
        }
        Ok(Self {
            words,
            timeout: Duration::from_millis(timeout),
            output_file: fields.output_file,
            impersonated: None,
        })
    }

    /// Runs the program with the documented variables, `PATH` and `HOME`, and none of our secrets.
    pub(super) async fn subject_token(
        &self,
        audience: &str,
        token_type: &str,
        now: UnixTime,
    ) -> Result<String, FirebaseError> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| no_subject("EXECUTABLE_MISSING"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(
                ["PATH", "HOME"]
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", audience)
            .env("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", token_type)
            .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0")
            .envs(
                self.output_file
                    .iter()
                    .map(|file| ("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", file)),
            )
            .envs(
                self.impersonated
                    .iter()
                    .map(|email| ("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", email)),
            )
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let ran = tokio::time::timeout(self.timeout, command.output()).await;
        let output = ran
            .map_err(|_| no_subject("EXECUTABLE_TIMEOUT"))?
            .map_err(|_| no_subject("EXECUTABLE_MISSING"))?;
        if output.stdout.len() > MAX_SUBJECT_BYTES {
            return Err(no_subject("SUBJECT_TOKEN_TOO_LARGE"));
        }
        read(&output.stdout, output.status.success(), token_type, now.secs()).map_err(no_subject)
    }
}

/// The token in a program's answer, or why there is none.
fn read(text: &[u8], ended_well: bool, token_type: &str, now: i64) -> Result<String, &'static str> {
    let answer: Answer = serde_json::from_slice(text).map_err(|_| "EXECUTABLE_ANSWER")?;
    if answer.version != 1 {
        return Err("EXECUTABLE_VERSION");
    }
    // The program's own message about a failure may contain a secret.
    if !answer.success || !ended_well {
        return Err("EXECUTABLE_FAILED");
    }
    if answer.token_type.as_deref() != Some(token_type) {
        return Err("EXECUTABLE_TOKEN_TYPE");
    }
    if answer.expiration_time.is_some_and(|until| until <= now) {
        return Err("EXECUTABLE_TOKEN_EXPIRED");
    }
    let token = if token_type == SAML {
        answer.saml_response
    } else {
        answer.id_token
    };
    token.ok_or("EXECUTABLE_ANSWER")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

    #[test]
    fn token_is_read_and_every_other_output_is_named() {
        let good = r#"{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"t","expiration_time":100}"#;
        assert_eq!(read(good.as_bytes(), true, JWT, 99).as_deref(), Ok("t"));
        let saml = good.replace(JWT, SAML).replace("id_token", "saml_response");
        assert_eq!(read(saml.as_bytes(), true, SAML, 99).as_deref(), Ok("t"));
        for (text, ended_well, now, name) in [
            (good.to_owned(), true, 100, "EXECUTABLE_TOKEN_EXPIRED"),
            (good.to_owned(), false, 99, "EXECUTABLE_FAILED"),
            (good.replace("true", "false"), true, 99, "EXECUTABLE_FAILED"),
            (good.replace(":1,", ":2,"), true, 99, "EXECUTABLE_VERSION"),
            (saml, true, 99, "EXECUTABLE_TOKEN_TYPE"),
            (good.replace("id_token", "other"), true, 99, "EXECUTABLE_ANSWER"),
            ("no JSON".to_owned(), true, 99, "EXECUTABLE_ANSWER"),
        ] {
            assert_eq!(read(text.as_bytes(), ended_well, JWT, now), Err(name), "{text}");
        }
    }
}
