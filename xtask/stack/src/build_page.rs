//! The development page: bundled by esbuild, with the edge's rollout decision compiled to wasm beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fault::{Done, In as _};
use crate::tools::{bindgen, wasm_target};
use crate::{paths, run};

/// The name of this step.
pub const STEP: &str = "build the page";

/// Builds the page for the edge with this `config`ured wrangler.toml, beside it: each stack has its own. Answers the folder to be served.
/// Runs no cargo, which may be compiling something else: [`compile`] comes first.
pub fn build(emulator: &str, config: &Path) -> Done<PathBuf> {
    let folder = config.with_file_name("page");
    fs::create_dir_all(&folder).in_step(STEP)?;
    decision()?;
    let sources = paths::root().join("page");
    run::logged(
        STEP,
        "page-esbuild",
        Command::new(paths::npm_bin("esbuild"))
            .arg("src/main.ts")
            .args(["--bundle", "--format=esm", "--target=es2022", "--sourcemap"])
            .arg(format!("--outfile={}", folder.join("main.js").display()))
            .current_dir(&sources),
    )?;
    for (from, name) in [
        (sources.join("index.html"), "index.html"),
        (sources.join("style.css"), "style.css"),
        (sources.join("build/rollout_bg.wasm"), "rollout_bg.wasm"),
    ] {
        fs::copy(from, folder.join(name)).in_step(STEP)?;
    }
    fs::write(folder.join("settings.json"), settings(emulator, config)?).in_step(STEP)?;
    Ok(folder)
}

/// Whether the page's TypeScript fits its types, those of the compiled decision included.
pub fn check() -> Done {
    compile()?;
    decision()?;
    run::logged(
        "types of the page",
        "page-tsc",
        Command::new(paths::npm_bin("tsc"))
            .args(["--project", "page"])
            .current_dir(paths::root()),
    )
}

/// What the page has to know about the stack it belongs to. None of it is secret.
fn settings(emulator: &str, config: &Path) -> Done<String> {
    let config: toml::Table = fs::read_to_string(config).in_step(STEP)?.parse().in_step(STEP)?;
    let variable = |name: &str| config.get("vars")?.get(name)?.as_str();
    let json = serde_json::json!({
        "project": variable("FIREBASE_PROJECT_ID"),
        "emulator": emulator,
        "rollout": { "percent": variable("ROLLOUT_PERCENT"), "group": variable("ROLLOUT_GROUP") },
    });
    Ok(json.to_string())
}

/// Compiles what [`build`] needs of Rust.
pub fn compile() -> Done {
    bindgen::compile(STEP)?;
    run::logged(
        STEP,
        "page-cargo",
        run::cargo()
            .args(["build", "--package", "crossfade-page"])
            .args(["--target", wasm_target::TARGET]),
    )
}

/// The compiled crate `crossfade-page`, as a module a browser loads.
fn decision() -> Done {
    let wasm = paths::target()
        .join(wasm_target::TARGET)
        .join("debug/rollout.wasm");
    bindgen::write(STEP, "web", &wasm, &paths::root().join("page/build"))
}
