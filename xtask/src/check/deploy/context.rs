//! What the image is built from: the files that Dockerfile.dockerignore lets through. They have to make a whole workspace, or the build
//! fails on a machine with an engine and on no other.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::fault::{Done, Fault, In as _};
use crate::{paths, run};

const STEP: &str = "what the image is built from";
const LIST: &str = "ops/docker/Dockerfile.dockerignore";

/// Lets cargo read a workspace of those files alone, and looks for the files that sources include.
pub fn is_enough() -> Done {
    let root = paths::root();
    let list = fs::read_to_string(root.join(LIST)).in_step(STEP)?;
    let files = run::output(Command::new("git").args(["ls-files"]).current_dir(&root))
        .ok_or_else(|| Fault::new(STEP, "`git ls-files` does not work here"))?;
    let taken: Vec<&str> = files.lines().filter(|file| is_taken(file, &list)).collect();
    let folder = paths::working("image-context");
    let _ = fs::remove_dir_all(&folder);
    for file in &taken {
        let place = folder.join(file);
        fs::create_dir_all(place.parent().unwrap_or(&folder)).in_step(STEP)?;
        symlink(root.join(file), place).in_step(STEP)?;
    }
    run::logged(
        STEP,
        "deploy-context",
        run::cargo()
            .args([
                "metadata",
                "--locked",
                "--offline",
                "--format-version=1",
                "--manifest-path",
            ])
            .arg(folder.join("Cargo.toml")),
    )?;
    let mut missing = Vec::new();
    let sources = taken.iter().filter(|file| {
        let built = ["origin/crates/", "origin/src/", "shared/src/"]
            .iter()
            .any(|crate_| file.starts_with(crate_));
        built && file.ends_with(".rs")
    });
    for source in sources {
        let text = fs::read_to_string(root.join(source)).in_step(STEP)?;
        for included in included(&text) {
            let beside = root.join(source);
            let path = beside.parent().unwrap_or(&root).join(included);
            let Ok(path) = path.canonicalize() else { continue };
            let name = path.strip_prefix(&root).unwrap_or(&path);
            if !taken.iter().any(|file| Path::new(file) == name) {
                missing.push(format!(
                    "{source} includes {}, which {LIST} leaves out",
                    name.display()
                ));
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(STEP, missing.join("\n")))
    }
}

/// Whether Docker takes `file`, by the forms of pattern that the list has: `*`, `!a/path`, `**/name`. The last that fits decides.
fn is_taken(file: &str, list: &str) -> bool {
    let mut taken = true;
    for line in list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(kept) = line.strip_prefix('!') {
            let below = file.strip_prefix(kept);
            taken = taken || below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        } else if let Some(name) = line.strip_prefix("**/") {
            taken = taken && !file.split('/').any(|part| part == name);
        } else {
            taken = taken && line != "*";
        }
    }
    taken
}

/// The paths of `include_str!("…")` in `source`.
fn included(source: &str) -> impl Iterator<Item = &str> {
    source
        .split("include_str!(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let list = "# a remark\n*\n!Cargo.toml\n!shared\n!docs/api\n**/target\n";
        for (file, taken) in [
            ("Cargo.toml", true),
            ("Cargo.toml.old", false),
            ("shared/src/lib.rs", true),
            ("sharedness/x", false),
            ("docs/api/openapi.json", true),
            ("docs/README.md", false),
            ("shared/target/x", false),
        ] {
            assert_eq!(is_taken(file, list), taken, "{file}");
        }
        let source = "let a = include_str!(\"../a.sql\"); include_str!(concat!(\"b\"))";
        assert_eq!(included(source).collect::<Vec<_>>(), ["../a.sql"]);
    }
}
