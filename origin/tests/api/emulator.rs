//! The Firebase Auth emulator, one for all tests of this program.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use crate::support::{PROJECT, TestApp};

/// Kept so that its standard input stays open until this program ends.
static EMULATOR: OnceLock<(String, Mutex<Child>)> = OnceLock::new();

/// `host:port` of the emulator; the first test starts it.
///
/// # Panics
/// When it does not start: it needs Node and the pinned npm packages (`npm ci`).
pub fn host() -> &'static str {
    let (host, _child) = EMULATOR.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut child = Command::new("node")
            .arg(root.join("origin/tests/support/auth-emulator.cjs"))
            .arg(PROJECT)
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node does not start");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let host = lines
            .map_while(Result::ok)
            .find(|line| line.starts_with("127.0.0.1:"))
            .expect("the Auth emulator did not start: is `npm ci` done?");
        (host, Mutex::new(child))
    });
    host
}

/// A service that uses the emulator.
pub async fn start() -> TestApp {
    start_with(&[]).await
}

/// The same, with some variables changed.
pub async fn start_with(variables: &[(&str, &str)]) -> TestApp {
    let host = tokio::task::spawn_blocking(host).await.unwrap();
    let all = [
        &[("FIREBASE_AUTH_EMULATOR_HOST", host), ("BCRYPT_ROUNDS", "4")],
        variables,
    ]
    .concat();
    TestApp::start_with(&all).await
}

/// An address of this test alone: the emulator is shared.
pub fn address() -> String {
    format!("{}@example.org", uuid::Uuid::new_v4().simple())
}
