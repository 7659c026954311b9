//! The packages that services behind the edge use: `clients/node` and `clients/tower`.

use std::process::Command;

use stack::fault::Done;
use stack::{paths, run};

/// Compiles the Node package and the example services that the end-to-end suite starts.
pub fn build() -> Done {
    run::logged(
        "compile the clients",
        "clients-node",
        npm_run("build").arg("--silent"),
    )?;
    run::logged(
        "compile the clients",
        "clients-tower",
        run::cargo().args([
            "build",
            "--quiet",
            "--package",
            "crossfade-tower",
            "--example",
            "service",
        ]),
    )
}

/// Tests both alone.
pub fn test() -> Done {
    run::shown("npm test", npm_run("test").arg("--silent"))?;
    run::shown(
        "cargo test",
        run::cargo().args(["test", "--quiet", "--package", "crossfade-tower"]),
    )
}

fn npm_run(script: &str) -> Command {
    let mut command = Command::new("npm");
    command
        .args(["run", script])
        .current_dir(paths::root().join("clients/node"));
    command
}
