//! The issuer's keys and users' credentials, by `bench/origin/keys.mjs`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use stack::fault::{Done, Fault, In as _};
use stack::{http, paths};

use super::STEP;

/// The key of the edge's assertions: 32 bytes of 7, as `keys.mjs` has it.
pub const ASSERTION_KEYS: &str = "bench:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
/// The project of every token.
pub const PROJECT: &str = "demo-bench";

/// Credentials that are asked for at once.
const PART: usize = 2000;

/// A running issuer. It ends with its standard input, however this program ends.
pub struct Issuer {
    child: Child,
    address: String,
}

impl Issuer {
    pub fn start() -> Done<Self> {
        let mut child = Command::new("node")
            .arg(paths::root().join("bench/origin/keys.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .in_step(STEP)?;
        let mut address = String::new();
        let stdout = child.stdout.take().ok_or("no output").in_step(STEP)?;
        BufReader::new(stdout).read_line(&mut address).in_step(STEP)?;
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(Fault::new(STEP, "keys.mjs ended before it listened"));
        }
        Ok(Self { child, address })
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where the key set is.
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.address)
    }

    /// New ID tokens of `users`.
    pub fn tokens(&self, users: Users) -> Done<Vec<String>> {
        self.lines("/tokens?", users)
    }

    /// Assertions for `GET /v1/auth/me` of `users`; good for a minute.
    pub fn assertions(&self, users: Users) -> Done<Vec<String>> {
        self.lines("/assertions?method=GET&path=/v1/auth/me&", users)
    }

    /// Signs the tokens of `users` who will sign in with the password `round`, all at the same moment, which is later than the one of the
    /// round before.
    pub fn prepare_sign_ins(&self, round: usize, users: Users) -> Done {
        self.lines(&format!("/sign-ins?round={round}&"), users).map(drop)
    }

    fn lines(&self, path: &str, users: Users) -> Done<Vec<String>> {
        let mut all = Vec::new();
        // In answers of a few megabytes at most.
        for begun in (0..users.count).step_by(PART) {
            let url = format!(
                "{}{path}from={}&count={}&of={}",
                self.address,
                users.from as usize + begun,
                (users.count - begun).min(PART),
                users.of
            );
            let answer = http::get(&url, &[]).in_step(STEP)?;
            all.extend(answer.text.lines().map(str::to_owned));
        }
        Ok(all)
    }
}

/// The users that the credentials are for: `count` of them from `from` on, spread over a table of `of` users; 0 means not spread.
#[derive(Clone, Copy)]
pub struct Users {
    pub from: u32,
    pub count: usize,
    pub of: u32,
}

impl Users {
    /// The number of the user at `index`, as `keys.mjs` spreads them.
    pub fn number(&self, index: usize) -> u64 {
        let at = u64::from(self.from) + index as u64;
        match self.of {
            0 => at,
            of => 1 + at * 104_729 % u64::from(of),
        }
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
