//! The Worker in the real Workers runtime, through wrangler, with the configuration of `[env.development]` and this stack's addresses.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use toml::{Table, Value};

use super::guard::Guard;
use super::service::Service;
use crate::build_edge;
use crate::fault::{Done, Fault, In as _};
use crate::paths;

const STEP: &str = "edge";
/// Of the top level, what an environment inherits. Vars and bindings are not inherited.
const INHERITED: [&str; 3] = ["name", "compatibility_date", "compatibility_flags"];

/// Writes the configuration of one stack: `[env.development]` of wrangler.toml with `variables` on top, a copy of the Worker that has been
/// built already and, with `step_down`, the binding of that object as production has it. Secrets are in it, so it stays in `.dev`.
pub fn configure(folder: &str, variables: &[(&str, String)], step_down: bool) -> Done<std::path::PathBuf> {
    let text = fs::read_to_string(paths::root().join("wrangler.toml")).in_step(STEP)?;
    let written: Table = text.parse().in_step(STEP)?;
    let development = written
        .get("env")
        .and_then(|environments| environments.get("development"))
        .and_then(Value::as_table)
        .ok_or_else(|| Fault::new(STEP, "wrangler.toml has no [env.development]"))?;
    let mut config = development.clone();
    for name in INHERITED {
        if let Some(value) = written.get(name) {
            config.entry(name).or_insert_with(|| value.clone());
        }
    }
    if step_down {
        let binding = written
            .get("env")
            .and_then(|environments| environments.get("production")?.get("durable_objects"));
        let (Some(binding), Some(migrations)) = (binding, written.get("migrations")) else {
            return Err(Fault::new(STEP, "[env.production] has no durable_objects"));
        };
        config.insert("durable_objects".to_owned(), binding.clone());
        config.insert("migrations".to_owned(), migrations.clone());
    }
    config.insert(
        "main".to_owned(),
        Value::String(own_worker(folder)?.display().to_string()),
    );
    let mut vars = config
        .get("vars")
        .and_then(Value::as_table)
        .cloned()
        .unwrap_or_default();
    for (name, value) in variables {
        vars.insert((*name).to_owned(), Value::String(value.clone()));
    }
    config.insert("vars".to_owned(), Value::Table(vars));
    let path = paths::working(folder).join("wrangler.toml");
    fs::create_dir_all(paths::working(folder)).in_step(STEP)?;
    fs::write(&path, config.to_string()).in_step(STEP)?;
    Ok(path)
}

/// Copies the Worker: wrangler watches its files, and a runtime that reads them while `wrangler deploy` or `cargo xtask check` builds
/// another one ends.
fn own_worker(folder: &str) -> Done<std::path::PathBuf> {
    let (built, own) = (
        build_edge::entry(),
        paths::working(folder).join("worker/entry.mjs"),
    );
    fs::create_dir_all(own.with_file_name("build")).in_step(STEP)?;
    for file in ["entry.mjs", "build/index.js", "build/index_bg.wasm"] {
        fs::copy(built.with_file_name(file), own.with_file_name(file)).in_step(STEP)?;
    }
    Ok(own)
}

/// Runs the entry that takes variables from requests, for tests of variables that change under a running isolate.
pub fn let_variables_change(config: &std::path::Path) -> Done {
    let mut table: Table = fs::read_to_string(config).in_step(STEP)?.parse().in_step(STEP)?;
    let entry = paths::root().join("xtask/assets/changeable-entry.mjs");
    table.insert("main".to_owned(), Value::String(entry.display().to_string()));
    fs::write(config, table.to_string()).in_step(STEP)
}

/// Serves the files in `folder` before the Worker is asked: the development page.
pub fn serve_files(config: &std::path::Path, folder: &std::path::Path) -> Done {
    let mut table: Table = fs::read_to_string(config).in_step(STEP)?.parse().in_step(STEP)?;
    let directory = Value::String(folder.display().to_string());
    let assets = Table::from_iter([("directory".to_owned(), directory)]);
    table.insert("assets".to_owned(), Value::Table(assets));
    fs::write(config, table.to_string()).in_step(STEP)
}

/// Removes what Durable Objects have kept: a rollout's overrides.
pub fn forget(config: &std::path::Path) -> Done {
    let state = state(config);
    if state.exists() {
        fs::remove_dir_all(&state).in_step(STEP)?;
    }
    Ok(())
}

fn state(config: &std::path::Path) -> std::path::PathBuf {
    config.with_file_name("state")
}

/// How much the runtime tells: a line a request, as long as the Worker itself tells as much.
pub fn talk(variables: &[(&str, String)]) -> &'static str {
    let quiet = variables
        .iter()
        .any(|(name, value)| *name == "LOG_LEVEL" && value != "info");
    // wrangler calls the Worker's own lines of that level `log`, and leaves them out at `info`.
    if quiet { "warn" } else { "log" }
}

/// Starts the Worker on `port`, telling as much as `talk` says, and waits until it answers. Its log is named as the folder of `config`.
pub fn start(guard: &Arc<Guard>, config: &std::path::Path, port: u16, talk: &str) -> Done<Service> {
    let folder = config.parent().unwrap_or(config);
    let mut command = Command::new(paths::npm_bin("wrangler"));
    command
        .args([
            "dev",
            "--local",
            "--ip",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--inspector-port",
            "0",
        ])
        .arg("--config")
        .arg(config)
        .arg("--persist-to")
        .arg(state(config))
        .arg("--show-interactive-dev-session=false")
        .args(["--log-level", talk])
        .current_dir(folder)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("NO_COLOR", "1")
        .env("CI", "1");
    let log = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut service = Service::start_logged(guard, "edge", &log, &mut command)?;
    service.wait_for_http(Duration::from_secs(90), &format!("http://127.0.0.1:{port}/livez"))?;
    Ok(service)
}
