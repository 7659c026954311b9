//! The Firebase Auth emulator.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Guard;
use super::service::Service;
use crate::fault::Done;
use crate::paths;

/// Starts the emulator for `project` on `port`. Ready when [`Service::wait_for_http`] on its root says so.
pub fn start(guard: &Arc<Guard>, project: &str, port: u16) -> Done<Service> {
    let mut command = Command::new("node");
    command
        .arg(paths::root().join("xtask/assets/auth-emulator.cjs"))
        .args([project, &port.to_string()]);
    Service::start(guard, "auth-emulator", command.current_dir(paths::root()))
}

/// Waits until it answers.
pub fn wait(service: &mut Service, port: u16) -> Done {
    service.wait_for_http(Duration::from_secs(90), &format!("http://127.0.0.1:{port}/"))
}
