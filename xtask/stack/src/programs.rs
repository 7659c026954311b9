//! Our own programs: the origin, the stand-ins, the key server.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Guard;
use super::service::Service;
use crate::fault::Done;
use crate::plan::{Issuer, Plan};
use crate::ports::local;
use crate::{http, paths, run};

const PATIENCE: Duration = Duration::from_secs(30);

/// The log of [`build`].
pub const LOG: &str = "build";

/// Compiles the origin and all stand-ins.
pub fn build() -> Done {
    compile(&["--bins"])
}

/// Compiles what `plan` starts, and `sql`: a stack for development need not wait for the other stand-ins.
pub fn build_for(plan: &Plan) -> Done {
    match plan.issuer {
        Issuer::KeyServer => build(),
        Issuer::Emulator | Issuer::Project(_) => {
            compile(&["--bin", "origin", "--bin", "legacy-stand-in", "--bin", "sql"])
        }
    }
}

fn compile(programs: &[&str]) -> Done {
    run::logged(
        "compile the origin and the stand-ins",
        LOG,
        run::cargo_with_bar()
            .args(["build", "-p", "crossfade-origin", "-p", "crossfade-testkit"])
            .args(programs),
    )
}

/// Brings the schema up to date.
pub fn migrate(database_url: &str) -> Done {
    run::logged(
        "migrate",
        "migrate",
        Command::new(paths::debug_binary("origin"))
            .args(["migrate", "up"])
            .env("DATABASE_URL", database_url),
    )
}

/// Starts the origin.
pub fn origin(guard: &Arc<Guard>, port: u16, variables: &[(&str, String)]) -> Done<Service> {
    serve(
        guard,
        &mut Command::new(paths::debug_binary("origin")),
        port,
        variables,
    )
}

/// Compiles what [`origin_ahead`] starts.
pub fn build_origin_ahead() -> Done {
    run::logged(
        "compile the origin whose clock runs ahead",
        "build-origin-ahead",
        run::cargo().args(["build", "-p", "crossfade-origin", "--example", "origin_ahead"]),
    )
}

/// Starts the origin with a clock that runs ahead by `seconds`.
pub fn origin_ahead(
    guard: &Arc<Guard>,
    port: u16,
    variables: &[(&str, String)],
    seconds: i64,
) -> Done<Service> {
    let mut command = Command::new(paths::debug_binary("examples/origin_ahead"));
    command.env("AHEAD_SECONDS", seconds.to_string());
    serve(guard, &mut command, port, variables)
}

fn serve(
    guard: &Arc<Guard>,
    command: &mut Command,
    port: u16,
    variables: &[(&str, String)],
) -> Done<Service> {
    command
        .arg("serve")
        .env("PORT", port.to_string())
        .env("HOST", "127.0.0.1");
    command.envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    // Not the checkout: a developer's `.env` there is for their own runs.
    command.current_dir("/");
    let mut service = Service::start(guard, "origin", command)?;
    service.wait_for_http(PATIENCE, &format!("http://127.0.0.1:{port}/readyz"))?;
    Ok(service)
}

/// Starts the stand-in of the legacy service.
pub fn legacy(guard: &Arc<Guard>, port: u16, variables: &[(&str, String)]) -> Done<Service> {
    let mut command = Command::new(paths::debug_binary("legacy-stand-in"));
    command
        .env("PORT", port.to_string())
        .envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let mut service = Service::start(guard, "legacy", &mut command)?;
    service.wait_for_http(PATIENCE, &format!("http://127.0.0.1:{port}/health/ready"))?;
    Ok(service)
}

/// Starts the plan's services behind the edge (`tests/services/plan.mjs`): they know the legacy service and its secret alone.
pub fn plan_services(guard: &Arc<Guard>, port: u16, legacy: &str, secret: &str) -> Done<Service> {
    let mut command = Command::new("node");
    command
        .arg(paths::root().join("tests/services/plan.mjs"))
        .env("PORT", port.to_string())
        .env("JWT_SECRET", secret)
        .env("AUTH_SERVICE_URL", legacy);
    let mut service = Service::start(guard, "plan-services", &mut command)?;
    // Any answer will do.
    service.wait_until(PATIENCE, || http::get(&local(port), &[]).is_ok())?;
    Ok(service)
}

/// Starts the key server, which also mints tokens.
pub fn key_server(guard: &Arc<Guard>, port: u16) -> Done<Service> {
    let mut command = Command::new(paths::debug_binary("jwks-server"));
    let mut service = Service::start(guard, "key-server", command.env("PORT", port.to_string()))?;
    service.wait_for_http(PATIENCE, &format!("http://127.0.0.1:{port}/control"))?;
    Ok(service)
}

/// Starts the stand-in of Google's account services.
pub fn identity_toolkit(guard: &Arc<Guard>, port: u16, project: &str) -> Done<Service> {
    let mut command = Command::new(paths::debug_binary("identity-toolkit"));
    command
        .env("PORT", port.to_string())
        .env("FIREBASE_PROJECT_ID", project);
    let mut service = Service::start(guard, "identity-toolkit", &mut command)?;
    service.wait_for_http(PATIENCE, &format!("http://127.0.0.1:{port}/control"))?;
    Ok(service)
}
