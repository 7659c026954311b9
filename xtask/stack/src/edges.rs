//! Edges that tests ask for while they run, each with variables of its own: `xtask/assets/edges.mjs` says how to ask.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Guard;
use super::service::Service;
use crate::fault::Done;
use crate::{http, paths};

/// Starts what is asked, on `port`. Every edge gets `config` and, on top, the variables it is asked for with.
pub fn start(guard: &Arc<Guard>, config: &Path, port: u16) -> Done<Service> {
    let mut command = Command::new("node");
    command
        .arg(paths::root().join("xtask/assets/edges.mjs"))
        .arg(paths::root())
        .arg(config)
        .arg(port.to_string())
        .current_dir(config.parent().unwrap_or(config))
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CI", "1");
    let mut service = Service::start(guard, "edges", &mut command)?;
    // Any answer will do: it has nothing to show.
    let url = format!("http://127.0.0.1:{port}/");
    service.wait_until(Duration::from_secs(60), || http::get(&url, &[]).is_ok())?;
    Ok(service)
}
