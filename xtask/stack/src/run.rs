//! Running a program to its end, its output kept in a log.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fault::{Done, Fault, In as _};
use crate::paths;

/// A log file for `name`, emptied.
pub fn open_log(step: &str, path: &Path) -> Done<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).in_step(step)?;
    }
    File::create(path).in_step(step)
}

/// Runs `command` to its end with its output in the log `log`.
pub fn logged(step: &str, log: &str, command: &mut Command) -> Done {
    let path = paths::log(log);
    let file = open_log(step, &path)?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone().in_step(step)?)
        .stderr(file)
        .status()
        .map_err(|error| not_started(step, command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Fault::new(step, format!("{} ended with {status}", program(command))).log(&path))
    }
}

/// Runs `command` to its end, its output going where ours goes.
pub fn shown(step: &str, command: &mut Command) -> Done {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| not_started(step, command, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Fault::new(
            step,
            format!("{} ended with {status}", program(command)),
        ))
    }
}

/// What `command` prints, trimmed; `None` when it cannot be run or fails.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Cargo, drawing its progress bar though nobody looks: [`crate::console::compiling`] reads how far it is.
pub fn cargo_with_bar() -> Command {
    let mut command = cargo();
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100");
    command
}

/// Cargo, as it was called for us (the pinned toolchain).
pub fn cargo() -> Command {
    let mut command = Command::new(program_of_cargo());
    command.current_dir(paths::root());
    forget_cargo(&mut command);
    command
}

/// The cargo that runs us.
pub fn program_of_cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Keeps from `command` what cargo told us about this program.
pub fn forget_cargo(command: &mut Command) {
    // What cargo told us about this program would look like a change to the build scripts that ask for it, ring's among them: all
    // that stands on ring would be compiled anew each time `cargo` and `cargo xtask` take turns.
    for (name, _) in std::env::vars_os() {
        let told = name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if told {
            command.env_remove(name);
        }
    }
}

/// A crate of this workspace.
#[derive(Debug, serde::Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: std::path::PathBuf,
    pub dependencies: Vec<Dependency>,
}

/// What a crate depends on.
#[derive(Debug, serde::Deserialize)]
pub struct Dependency {
    pub name: String,
}

/// The crates of this workspace, as cargo sees them.
pub fn packages(step: &str) -> Done<Vec<Package>> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let mut cargo = cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let text = output(&mut cargo).ok_or_else(|| Fault::new(step, "`cargo metadata` does not work"))?;
    let metadata: Metadata = serde_json::from_str(&text).in_step(step)?;
    Ok(metadata.packages)
}

fn program(command: &Command) -> String {
    Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn not_started(step: &str, command: &Command, error: &std::io::Error) -> Fault {
    Fault::new(step, format!("{} cannot be started: {error}", program(command)))
        .hint(format!("is `{}` installed and on PATH?", program(command)))
}
