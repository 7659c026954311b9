//! The documents: every relative link leads somewhere, and every `cargo xtask` command they show exists.

mod commands;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use stack::fault::{Done, Fault, In as _};
use stack::paths;

pub use page::{Block, Page};

const STEP: &str = "documents";

/// Reads every page of the checkout and names all that is wrong, each with its file and line.
pub fn check(command: &clap::Command) -> Done {
    let root = paths::root();
    let pages = pages(&root)?;
    let mut wrong = Vec::new();
    for (name, page) in &pages {
        let mut at = |line: usize, fault: String| wrong.push(format!("{}:{line}: {fault}", name.display()));
        for link in &page.links {
            if let Some(fault) = broken(&root, name, &link.text, &pages) {
                at(link.line, fault);
            }
        }
        for code in &page.code {
            for fault in commands::unknown(&code.text, command) {
                at(code.line, fault);
            }
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Fault::new(STEP, wrong.join("\n")))
    }
}

/// What is wrong with the link `target` on the page `name`, if anything. Other sites' addresses are not looked at.
fn broken(root: &Path, name: &Path, target: &str, pages: &BTreeMap<PathBuf, Page>) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        name.to_owned()
    } else {
        within(&name.parent().unwrap_or(Path::new("")).join(path))
    };
    if !root.join(&file).exists() {
        return Some(format!("`{target}` leads nowhere"));
    }
    let page = pages.get(&file)?;
    (!anchor.is_empty() && !page.anchors.contains(anchor)).then(|| format!("`{target}` names no heading"))
}

/// The path without `.` and `..`, which a listing does not have.
fn within(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// All Markdown of the checkout by its path from the root, without what others wrote and what was made.
pub fn pages(root: &Path) -> Done<BTreeMap<PathBuf, Page>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).in_step(STEP)? {
            let path = entry.in_step(STEP)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !["node_modules", "target", "dist"].contains(&&*name) {
                    open.push(path);
                }
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).in_step(STEP)?;
                let name = path.strip_prefix(root).in_step(STEP)?.to_owned();
                found.insert(name, Page::read(&text));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_holds_what_it_promises() {
        if let Err(fault) = check(&crate::commands()) {
            panic!("{}", fault.reason);
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        let root = paths::root();
        let pages = own_pages();
        let fault = |target| broken(&root, Path::new("docs/b.md"), target, &pages);
        for good in ["../README.md", "https://example.com/x", "../docs"] {
            assert_eq!(fault(good), None);
        }
        assert_eq!(fault("../NOTHING.md").unwrap(), "`../NOTHING.md` leads nowhere");
        let own = |target| broken(&root.join("docs"), Path::new("README.md"), target, &pages);
        assert_eq!(own("#two-three"), None);
        assert_eq!(own("#four").unwrap(), "`#four` names no heading");
    }

    fn own_pages() -> BTreeMap<PathBuf, Page> {
        BTreeMap::from([(PathBuf::from("README.md"), Page::read("# One\n\n## Two, three\n"))])
    }
}
