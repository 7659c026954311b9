//! What the origin and the edge are deployed with. Nothing is deployed here: each file is read by the program it is for, where that is
//! installed. The workflow builds the image.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use stack::build_edge::{self, Profile};
use stack::fault::{Done, Fault, In as _};
use stack::{paths, run};

const COMPOSE: &str = "ops/docker/compose.yml";
const UNIT: &str = "ops/systemd/crossfade-origin.service";
/// `systemd-analyze security` gives a service points for what it could do, 100 at most. Ours has 16.
const MOST_EXPOSED: u32 = 20;

/// The compose file, the workflow and Grafana's provisioning: well-formed, and what they name exists.
pub fn compose_and_pipeline() -> Done {
    run::logged(
        "compose file and pipeline",
        "deploy-yaml",
        Command::new("node")
            .arg("xtask/assets/deploy.mjs")
            .current_dir(paths::root()),
    )
}

/// The compose file, by Docker itself; says so where that is not installed. No engine is needed.
pub fn compose_by_docker() -> Done<String> {
    let docker = |words: &[&str]| {
        let mut command = Command::new("docker");
        command.arg("compose").args(words).current_dir(paths::root());
        command
    };
    if run::output(&mut docker(&["version"])).is_none() {
        return Ok("not run, `docker compose` is not installed".to_owned());
    }
    let mut config = docker(&["--file", COMPOSE, "config", "--quiet"]);
    for name in [
        "POSTGRES_PASSWORD",
        "GRAFANA_PASSWORD",
        "FIREBASE_PROJECT_ID",
        "ORIGIN_ASSERTION_KEYS",
    ] {
        config.env(name, "x");
    }
    run::logged("docker compose config", "deploy-compose", &mut config).map(|()| String::new())
}

/// The unit, by systemd; says so where that is not installed.
pub fn unit() -> Done<String> {
    const STEP: &str = "systemd unit";
    let analyze = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(words);
        command
    };
    if run::output(&mut analyze(&["--version"])).is_none() {
        return Ok("not run, `systemd-analyze` is not installed".to_owned());
    }
    let text = fs::read_to_string(paths::root().join(UNIT)).in_step(STEP)?;
    let folder = paths::working("deploy");
    fs::create_dir_all(&folder).in_step(STEP)?;
    let unit = folder.join("crossfade-origin.service");
    // It looks whether the program is there, which it is on no machine that builds it.
    fs::write(&unit, text.replace("/usr/local/bin/origin", "/bin/true")).in_step(STEP)?;
    let unit = unit.to_string_lossy();
    run::logged(STEP, "deploy-unit", &mut analyze(&["verify", "--man=no", &unit]))?;
    let threshold = format!("--threshold={MOST_EXPOSED}");
    let words = ["security", "--offline=true", "--no-pager", &threshold, &unit];
    run::logged(STEP, "deploy-exposure", &mut analyze(&words)).map(|()| String::new())
}

/// Alerts and what is scraped, by Prometheus' own tool; says so where that is not installed.
pub fn alerts() -> Done<String> {
    const STEP: &str = "alerts";
    let promtool = |words: &[&str]| {
        let mut command = Command::new("promtool");
        command.args(words).current_dir(paths::root());
        command
    };
    if run::output(&mut promtool(&["--version"])).is_none() {
        return Ok("not run, `promtool` is not installed".to_owned());
    }
    let check = |words: &[&str]| run::logged(STEP, "deploy-promtool", &mut promtool(words));
    check(&["check", "rules", "ops/prometheus/alerts.yml"])?;
    check(&[
        "check",
        "config",
        "--syntax-only",
        "ops/prometheus/prometheus.yml",
    ])
    .map(|()| String::new())
}

/// Every environment of wrangler.toml, by wrangler's own reader: it passes over what it does not know with a warning, here with a fault.
pub fn wrangler() -> Done {
    run::logged(
        "wrangler's view of wrangler.toml",
        "deploy-wrangler",
        Command::new("node")
            .arg(PathBuf::from("xtask/assets/wrangler-config.mjs"))
            .current_dir(paths::root())
            .env("WRANGLER_SEND_METRICS", "false")
            .env("NO_COLOR", "1"),
    )
}

/// The environments, the nameless one (`wrangler deploy` alone) first.
const ENVIRONMENTS: [&str; 4] = ["", "development", "staging", "production"];
/// The one thing that is left out on purpose: development has no limits, because tests call a lot.
const LEFT_OUT: (&str, &str) = ("development", "\"ratelimits\"");

/// Deploys every environment as far as that goes without an account: builds, bundles and binds. Wrangler only warns of a binding or a
/// field that an environment has lost.
pub fn dry_run() -> Done {
    const STEP: &str = "deploying without deploying";
    build_edge::build(Profile::Release)?;
    for environment in ENVIRONMENTS {
        let folder = paths::working("dry-run").join(environment);
        let mut command = Command::new(paths::npm_bin("wrangler"));
        command
            .args(["deploy", "--dry-run", "--env", environment, "--outdir"])
            .arg(folder)
            .current_dir(paths::root())
            .env("WRANGLER_SEND_METRICS", "false")
            .env("NO_COLOR", "1")
            .env("CI", "1");
        let answered = command.output().in_step(STEP)?;
        let said = [answered.stdout, answered.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if !answered.status.success() || warns(environment, &said) {
            return Err(Fault::new(STEP, format!("[env.{environment}]\n{said}")));
        }
    }
    Ok(())
}

/// Whether wrangler warned of anything but what is left out on purpose. Its points are indented below the word.
fn warns(environment: &str, said: &str) -> bool {
    let (where_allowed, allowed) = LEFT_OUT;
    let points = said.lines().filter(|line| line.trim_start().starts_with("- "));
    let others = points.filter(|point| {
        let heading = point.ends_with("environment configuration");
        let left_out = environment == where_allowed && point.contains(allowed);
        !heading && !left_out
    });
    let warnings = said.matches("WARNING").count();
    warnings > usize::from(environment == where_allowed) || others.count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_faults_but_for_what_is_left_out() {
        let warning = |point: &str| {
            format!(
                "[WARNING] Processing wrangler.toml:\n    - \"env.x\" environment configuration\n      - {point}\n"
            )
        };
        let limits = warning("\"ratelimits\" exists at the top level, but not on \"env.development\".");
        let other = warning("Unexpected fields found in top-level field: \"colour\"");
        assert!(!warns(
            "production",
            "Total Upload: 1 KiB\n--dry-run: exiting now."
        ));
        assert!(!warns("development", &limits));
        assert!(warns("production", &limits));
        assert!(warns("development", &other) && warns("", &other));
        assert!(warns("development", &format!("{limits}{other}")));
        assert!(warns(
            "staging",
            "[WARNING] The entrypoint has exports like an ES Module"
        ));
    }

    #[test]
    fn what_is_deployed_is_sound() {
        let with_notes = [unit(), alerts(), compose_by_docker()];
        let notes = with_notes.into_iter().map(|done| done.map(drop));
        for done in notes {
            if let Err(fault) = done {
                panic!("{}: {}\n{:?}", fault.step, fault.reason, fault.log);
            }
        }
    }
}
