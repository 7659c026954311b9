//! The steps of a user's way, and the answer that each expects.

use std::time::Duration;

use stack::fault::{Done, In as _};

use super::STEP;
use super::systems::System;
use crate::figures::Measured;
use crate::load::{self, Load};
use crate::origin::credentials::Users;
use crate::origin::database::{Server, user_id};
use crate::origin::services::SERVICE_KEY;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    SignIn,
    Me,
    /// With tokens that were never sent before.
    Verify,
    /// To a random user.
    Credit,
}

/// In the order of a user's way.
pub const STEPS: [Step; 4] = [Step::SignIn, Step::Me, Step::Verify, Step::Credit];

impl Step {
    /// The row's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Me => "me",
            Self::Verify => "verify",
            Self::Credit => "credit",
        }
    }
}

/// One turn of one row.
pub struct Run<'a> {
    pub system: &'a System,
    pub server: &'a Server,
    /// The users who hold the tokens, in the order of the tokens.
    pub tokens_of: Users,
    pub connections: usize,
    pub length: Duration,
    /// Counts the turns of both systems at one number of connections.
    pub round: usize,
    /// How many sign-ins the issuer has signed for this round.
    pub sign_ins: usize,
    pub warm_tokens: &'a [String],
    pub new_tokens: &'a [String],
}

impl Run<'_> {
    /// Measures `step`.
    pub fn measure(&self, step: Step) -> Done<Measured> {
        let request = |number: usize, text: &mut Vec<u8>| self.write(step, number, text);
        let is_right = |number: usize, answer: &str| match step {
            Step::SignIn => answer.contains("\"idToken\":\"ey"),
            Step::Me => answer.contains(&self.email(number % self.warm_tokens.len().max(1))),
            Step::Verify => answer.contains(&self.email(number)),
            Step::Credit => answer.contains("\"balance_after\":"),
        };
        let before = (self.system.cpu(), self.server.cpu());
        let outcome = load::send(&Load {
            address: &self.system.address,
            request: &request,
            connections: self.connections,
            length: self.length,
            status: 200,
            is_right: Some(&is_right),
        })
        .in_step(STEP)?;
        Ok(Measured {
            requests: outcome.latencies.len(),
            failed: outcome.failed,
            took: outcome.took,
            service_cpu: Some(self.system.cpu().saturating_sub(before.0)),
            database_cpu: self.server.cpu().saturating_sub(before.1),
            latencies: outcome.latencies,
        })
    }

    /// The e-mail of that user, as JSON.
    fn email(&self, index: usize) -> String {
        format!("\"{}@bench.example\"", self.tokens_of.number(index))
    }

    fn write(&self, step: Step, number: usize, text: &mut Vec<u8>) -> bool {
        match step {
            Step::SignIn => {
                if number >= self.sign_ins {
                    return false;
                }
                let (user, round) = (self.tokens_of.number(number), self.round);
                let body = format!("{{\"email\":\"{user}@bench.example\",\"password\":\"{round}\"}}");
                post(text, "/v1/auth/login", "", &body);
            }
            Step::Me => {
                let Some(token) = self.warm_tokens.get(number % self.warm_tokens.len().max(1)) else {
                    return false;
                };
                let head = format!(
                    "GET /v1/auth/me HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\
                     Authorization: Bearer {token}\r\n\r\n"
                );
                text.extend_from_slice(head.as_bytes());
            }
            Step::Verify => {
                let Some(token) = self.new_tokens.get(number) else {
                    return false;
                };
                post(
                    text,
                    "/v1/auth/verify-token",
                    "",
                    &format!("{{\"token\":\"{token}\"}}"),
                );
            }
            Step::Credit => {
                let key = format!(
                    "{}-{}-{}-{number}",
                    std::process::id(),
                    self.round,
                    self.system.name
                );
                let path = format!("/v1/users/{}/tokens/credit", user_id(self.scatter(number)));
                let headers = format!("X-Service-Key: {SERVICE_KEY}\r\nIdempotency-Key: {key}\r\n");
                post(text, &path, &headers, r#"{"amount":1,"reason":"bench"}"#);
            }
        }
        true
    }

    /// A user's number, another each time: a multiplicative hash, since all it has to do is scatter.
    fn scatter(&self, number: usize) -> u32 {
        let mixed = (self.round as u64 * 1_000_003 + number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        1 + ((mixed >> 33) % u64::from(self.tokens_of.of.max(1))) as u32
    }
}

fn post(text: &mut Vec<u8>, path: &str, headers: &str, body: &str) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    text.extend_from_slice(head.as_bytes());
}
