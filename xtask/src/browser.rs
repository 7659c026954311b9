//! The development page in a real browser: a stack of its own, then `page/tests` in headless Chromium against it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use stack::fault::{Done, Fault, In as _};
use stack::{Issuer, Plan, Stack, paths, run};

const STEP: &str = "browser";
/// Names a Chromium that is not on `PATH`, or not the first there.
const VARIABLE: &str = "CHROMIUM";
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The Chromium to use: the one `CHROMIUM` names, else the first on `PATH`; `None` where there is none.
///
/// # Errors
///
/// When `CHROMIUM` names something that is not a file.
pub fn chromium() -> Done<Option<PathBuf>> {
    if let Some(named) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_file() {
            Ok(Some(named))
        } else {
            Err(Fault::new(
                STEP,
                format!("{VARIABLE} names no file: {}", named.display()),
            ))
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(NAMES
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file()))
}

/// Why the browser's part cannot run where `chromium` found nothing.
pub fn missing() -> Fault {
    Fault::new(
        STEP,
        format!("there is no Chromium: {VARIABLE} is not set and none of {} is on PATH", NAMES.join(", ")),
    )
    .hint(format!(
        "Debian: apt-get install --no-install-recommends chromium; or set {VARIABLE} to the program of any Chromium or Chrome"
    ))
}

/// Brings up a stack that serves the page, drives it, takes the stack down. Screenshots stay in `.dev/screenshots`.
///
/// # Errors
///
/// Where there is no Chromium, saying how to get one; what starting the stack says; when a test fails.
pub fn test() -> Done {
    let chromium = chromium()?.ok_or_else(missing)?;
    let screenshots = paths::working("screenshots");
    fs::create_dir_all(&screenshots).in_step(STEP)?;
    let stack = Stack::up(&Plan {
        page: true,
        ..Plan::throw_away(Issuer::Emulator)
    })?;
    println!();
    run::shown(
        STEP,
        Command::new("node")
            .args(["--test", "--test-reporter=spec", "page/tests/page.test.mjs"])
            .current_dir(paths::root())
            .env("PAGE_URL", &stack.addresses.edge)
            .env("PAGE_SCREENSHOTS", &screenshots)
            .env(VARIABLE, chromium),
    )?;
    println!("  screenshots: {}", screenshots.display());
    Ok(())
}
