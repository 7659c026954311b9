//! schemathesis, which plays requests against a document: a Python program in an environment of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::fault::{Done, Fault, In as _};
use crate::{console, paths, run};

/// <https://pypi.org/project/schemathesis/>
const VERSION: &str = "4.32.5";
const STEP: &str = "schemathesis";

/// The program, installed if need be into the per-user cache.
pub fn ensure() -> Done<PathBuf> {
    let home = paths::cache()
        .join("tools")
        .join(format!("schemathesis-{VERSION}"));
    // Written last: an installation that broke off is made anew.
    let (program, complete) = (home.join("bin/schemathesis"), home.join("complete"));
    if complete.exists() && program.exists() {
        return Ok(program);
    }
    if run::output(Command::new("python3").arg("--version")).is_none() {
        return Err(
            Fault::new(STEP, "python3 is not there, and schemathesis is a Python program").hint(
                "install Python 3.10 or newer with its `venv` module; nothing else of the project needs it",
            ),
        );
    }
    console::step(&format!("install schemathesis {VERSION}"), || {
        let _ = fs::remove_dir_all(&home);
        run::logged(
            STEP,
            "python-venv",
            Command::new("python3").args(["-m", "venv"]).arg(&home),
        )
        .map_err(|fault| {
            fault.hint("some systems have the `venv` module in a package of its own, such as `python3-venv`")
        })?;
        run::logged(
            STEP,
            "pip",
            Command::new(home.join("bin/pip"))
                .args(["install", "--disable-pip-version-check"])
                .arg(format!("schemathesis=={VERSION}")),
        )?;
        fs::write(&complete, "").in_step(STEP)
    })?;
    Ok(program)
}
