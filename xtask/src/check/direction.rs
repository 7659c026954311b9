//! Which way imports point: what crates of ours may depend on, and libraries that only some folders may know.

use std::fs;
use std::path::{Path, PathBuf};

use stack::fault::{Done, Fault, In as _};
use stack::{paths, run};

const STEP: &str = "direction of imports";

/// Crates of ours, and those of ours they may depend on (tests included).
const CRATES: &[(&str, &[&str])] = &[
    ("crossfade-shared", &[]),
    ("crossfade-edge", &["crossfade-features", "crossfade-shared"]),
    (
        "crossfade-origin",
        &[
            "crossfade-database",
            "crossfade-features",
            "crossfade-firebase",
            "crossfade-http-client",
            "crossfade-ledger",
            "crossfade-limits",
            "crossfade-schema",
            "crossfade-shared",
            "crossfade-testkit",
            "crossfade-user-import",
            "crossfade-users",
            "crossfade-verification",
        ],
    ),
    ("crossfade-database", &["crossfade-shared"]),
    (
        "crossfade-firebase",
        &["crossfade-http-client", "crossfade-shared"],
    ),
    ("crossfade-http-client", &[]),
    ("crossfade-ledger", &["crossfade-database", "crossfade-shared"]),
    ("crossfade-limits", &["crossfade-shared"]),
    ("crossfade-schema", &["crossfade-shared"]),
    (
        "crossfade-user-import",
        &[
            "crossfade-database",
            "crossfade-firebase",
            "crossfade-shared",
            "crossfade-users",
        ],
    ),
    (
        "crossfade-users",
        &[
            "crossfade-database",
            "crossfade-firebase",
            "crossfade-http-client",
            "crossfade-ledger",
            "crossfade-limits",
            "crossfade-shared",
            "crossfade-verification",
        ],
    ),
    (
        "crossfade-verification",
        &["crossfade-http-client", "crossfade-shared"],
    ),
    ("crossfade-page", &["crossfade-features", "crossfade-shared"]),
    ("crossfade-tower", &["crossfade-shared"]),
    ("crossfade-e2e", &["crossfade-testkit"]),
    ("crossfade-testkit", &["crossfade-features"]),
    ("crossfade-bindgen", &["crossfade-features"]),
    ("worker-macros", &[]),
    ("crossfade-features", &[]),
    ("crossfade-rehearsal", &["crossfade-shared"]),
    ("crossfade-stack", &["crossfade-features"]),
    (
        "crossfade-bench",
        &[
            "crossfade-edge",
            "crossfade-schema",
            "crossfade-shared",
            "crossfade-stack",
        ],
    ),
    (
        "crossfade-drills",
        &["crossfade-rehearsal", "crossfade-shared", "crossfade-stack"],
    ),
    (
        "xtask",
        &[
            "crossfade-bench",
            "crossfade-drills",
            "crossfade-rehearsal",
            "crossfade-shared",
            "crossfade-stack",
        ],
    ),
];

/// Libraries only one place may know.
const LIBRARIES: &[(&str, &str, &[&str])] = &[
    (
        "edge/src",
        "worker::",
        &["edge/src/workers", "edge/src/workers.rs", "edge/src/lib.rs"],
    ),
    ("origin/crates/ledger/src/rules", "sqlx", &[]),
    ("origin/crates/users/src/rules", "sqlx", &[]),
];

pub fn check() -> Done {
    let mut wrong = crates()?;
    for (folder, library, allowed) in LIBRARIES {
        for file in sources(folder)? {
            let name = shown(&file);
            let text = fs::read_to_string(&file).in_step(STEP)?;
            if mentions(&text, library) && !allowed.iter().any(|place| name.starts_with(place)) {
                wrong.push(format!("{name} uses {library}"));
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(STEP, wrong.join("; ")))
    }
}

/// Code, not comments: lines that mention `what` outside a comment, as the start of a path.
fn mentions(text: &str, what: &str) -> bool {
    text.lines()
        .map(str::trim_start)
        .filter(|line| !line.starts_with("//"))
        .any(|line| {
            line.match_indices(what).any(|(at, _)| {
                let before = line.get(..at).and_then(|before| before.chars().next_back());
                let after = line.get(at + what.len()..).and_then(|after| after.chars().next());
                let starts = !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
                let ends = what.ends_with([':', ';']) || after == Some(':');
                starts && ends
            })
        })
}

fn crates() -> Done<Vec<String>> {
    let mut wrong = Vec::new();
    for package in run::packages(STEP)? {
        let name = package.name;
        let Some((_, allowed)) = CRATES.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("{name} is not in the list of crates"));
            continue;
        };
        for dependency in package.dependencies {
            let other = dependency.name;
            let ours = CRATES.iter().any(|(known, _)| *known == other);
            // A crate may name itself: that is how its own tests turn a feature on.
            if ours && other != name && !allowed.contains(&other.as_str()) {
                wrong.push(format!("{name} depends on {other}"));
            }
        }
    }
    Ok(wrong)
}

fn sources(folder: &str) -> Done<Vec<PathBuf>> {
    let mut found = Vec::new();
    let root = paths::root();
    let file = root.join(format!("{folder}.rs"));
    if file.exists() {
        found.push(file);
    }
    let mut open = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    if found.is_empty() {
        Err(Fault::new(STEP, format!("{folder} has no sources")))
    } else {
        Ok(found)
    }
}

fn shown(path: &Path) -> String {
    path.strip_prefix(paths::root())
        .unwrap_or(path)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn only_code_counts() {
        assert!(mentions("use sqlx::PgConnection;", "sqlx"));
        assert!(mentions("    let a = sqlx::query();", "sqlx"));
        assert!(!mentions("// use sqlx::PgConnection;", "sqlx"));
        assert!(!mentions("let sqlx_like = 1;", "sqlx"));
        assert!(!mentions("use my_worker::thing;", "worker::"));
    }
}
