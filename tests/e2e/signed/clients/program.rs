//! A service in a process of its own, which ends when the value is dropped.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running service.
pub struct Program {
    /// Its address.
    pub url: String,
    child: Child,
}

impl Program {
    /// One of `clients/node/examples`.
    pub fn node(file: &str, variables: &[(&str, String)]) -> Self {
        let mut command = Command::new("node");
        command.arg(root().join("clients/node/examples").join(file));
        Self::start(command, variables)
    }

    /// One of `tests/services`.
    pub fn service(file: &str, variables: &[(&str, String)]) -> Self {
        let mut command = Command::new("node");
        command.arg(root().join("tests/services").join(file));
        Self::start(command, variables)
    }

    /// `clients/tower/examples/service.rs`, compiled by the caller of the suite.
    pub fn tower_example(variables: &[(&str, String)]) -> Self {
        Self::start(Command::new(compiled("examples/service")), variables)
    }

    fn start(mut command: Command, variables: &[(&str, String)]) -> Self {
        let mut child = command
            .env("PORT", "0")
            .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            let _ = child.kill();
            panic!("{command:?} does not listen: {line}");
        };
        Self {
            url: format!("http://{address}"),
            child,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The output of the origin's command line.
pub fn origin(words: &[&str], variables: &[(&str, String)]) -> String {
    let output = Command::new(compiled("origin"))
        .args(words)
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The program beside this test's own binary, which is in target/debug/deps.
fn compiled(name: &str) -> PathBuf {
    let binary = std::env::current_exe().unwrap();
    binary.parent().and_then(Path::parent).unwrap().join(name)
}

/// The workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
