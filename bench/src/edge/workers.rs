//! The running Workers, and one turn of load on one of them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use stack::fault::{Done, Fault, In as _};
use stack::paths;

use super::cases::{Case, Tokens};
use super::{Options, STEP};
use crate::cpu;
use crate::figures::Measured;
use crate::load::{self, Load};

/// All Workers, in one workerd. They end when their standard input closes, however this program ends.
pub struct Workers {
    child: Child,
    workerd: u32,
    addresses: BTreeMap<String, String>,
    tokens: Vec<String>,
}

impl Workers {
    /// Starts them all, with `cold` tokens that nobody has seen; the first of these are the warm ones too.
    pub fn start(upstream: &str, options: &Options, cold: usize) -> Done<Self> {
        let tokens_file = paths::working("bench-tokens");
        fs::create_dir_all(paths::working("")).in_step(STEP)?;
        let mut child = Command::new("node")
            .arg(paths::root().join("bench/edge/serve.mjs"))
            .arg(paths::root())
            .arg(upstream)
            .arg(cold.max(options.warm).to_string())
            .arg(options.warm.to_string())
            .arg(&tokens_file)
            .args(&options.beside)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .in_step(STEP)?;
        let stdout = child.stdout.take().ok_or("no output").in_step(STEP)?;
        let line = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.starts_with('{'))
            .ok_or_else(|| Fault::new(STEP, "serve.mjs ended before it was ready"))?;
        let addresses: BTreeMap<String, String> = serde_json::from_str(&line).in_step(STEP)?;
        let workerd = cpu::workerd_under(child.id())
            .ok_or("workerd is not to be found")
            .in_step(STEP)?;
        let tokens = fs::read_to_string(&tokens_file).in_step(STEP)?;
        let _ = fs::remove_file(&tokens_file);
        Ok(Self {
            child,
            workerd,
            addresses,
            tokens: tokens.lines().map(str::to_owned).collect(),
        })
    }

    /// Sends `requests` of `case`. A turn has cold tokens of its own.
    pub fn measure(&self, case: &Case, turn: usize, requests: usize, options: &Options) -> Done<Measured> {
        let address = self
            .addresses
            .get(case.worker)
            .map(|url| url.trim_start_matches("http://").trim_end_matches('/'))
            .ok_or_else(|| Fault::new(STEP, format!("{} has no address", case.worker)))?;
        let legacy_from = self.tokens.len().saturating_sub(options.warm);
        let range = match case.tokens {
            Tokens::Cold => turn * requests..((turn + 1) * requests).min(legacy_from),
            Tokens::Warm => 0..options.warm.min(legacy_from),
            Tokens::Legacy => legacy_from..self.tokens.len(),
        };
        let tokens = self.tokens.get(range).unwrap_or_default();
        let requests = if case.tokens == Tokens::Cold {
            tokens.len()
        } else {
            requests
        };
        let request = |number: usize, text: &mut Vec<u8>| {
            let Some(token) = tokens
                .get(number % tokens.len().max(1))
                .filter(|_| number < requests)
            else {
                return false;
            };
            let (method, length) = match case.body.len() {
                0 => ("GET", String::new()),
                length => (
                    "POST",
                    format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"),
                ),
            };
            let head = format!(
                "{method} {} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\nUser-Agent: crossfade-bench\r\n\
                 Authorization: Bearer {token}\r\n{length}\r\n{}",
                case.path, case.body
            );
            text.extend_from_slice(head.as_bytes());
            true
        };
        let before = cpu::used_by_threads(self.workerd);
        let outcome = load::send(&Load {
            address,
            request: &request,
            connections: options.connections,
            length: Duration::MAX,
            status: case.status,
            is_right: None,
        })
        .in_step(STEP)?;
        Ok(Measured {
            requests: outcome.latencies.len(),
            failed: outcome.failed,
            took: outcome.took,
            service_cpu: Some(cpu::used_by_threads(self.workerd).saturating_sub(before)),
            database_cpu: Duration::ZERO,
            latencies: outcome.latencies,
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
