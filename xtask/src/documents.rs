//! `cargo xtask test --only documents`: every block of commands in the documents is run, in order, in one shell beside one throw-away stack,
//! or says why not. A comment right before a block says what is special about it:
//!
//! - `<!-- not run: REASON -->`: it is not run;
//! - `<!-- prints: … -->`: each line of the comment is somewhere in what the block prints;
//! - `<!-- deploys: NAME=VALUE -->`: in place of the block, the edge is deployed with this variable.
//!
//! A block has failed when its last command has, or when the shell finds no such command.

mod note;
mod session;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::check::documents::{self, Block, Page};
use note::Note;
use session::Session;
use stack::fault::{Done, Fault};
use stack::{Issuer, Plan, Stack, console, paths, running};

const STEP: &str = "documents";
/// What is read first, in this order: later pages use what these define. Then the others, by name.
const FIRST: [&str; 6] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/training/1-architecture.md",
    "docs/training/2-implementation.md",
    "docs/training/3-integration-and-testing.md",
    "docs/training/4-deployment-and-operations.md",
];

/// Brings a stack up, runs the blocks of all pages, takes it down.
///
/// # Errors
/// The first block that fails, with what it printed.
pub fn test() -> Done {
    let pages = documents::pages(&paths::root())?;
    let mut stack = Stack::up(&Plan {
        edge: vec![("ROLLOUT_PERCENT", "50".to_owned())],
        step_down: true,
        ..Plan::throw_away(Issuer::Emulator)
    })?;
    let folder = paths::working(STEP);
    let mut session = Session::start(&folder)?;
    running::remember(&stack.addresses, &session.running())?;
    println!();
    for (path, page) in in_order(&pages) {
        let blocks = page.blocks.iter();
        let run: Vec<&Block> = blocks.clone().filter(|block| !is_excused(block)).collect();
        if !run.is_empty() {
            console::step(&path.to_string_lossy(), || {
                for block in &run {
                    play(path, block, &mut session, &mut stack)?;
                }
                Ok(format!("{} run", run.len()))
            })?;
        }
        for block in blocks {
            for note in notes(path, block)? {
                if let Note::NotRun(reason) = note {
                    println!("  – {}:{} not run: {reason}", path.display(), block.line);
                }
            }
        }
    }
    Ok(())
}

fn is_excused(block: &Block) -> bool {
    let mut notes = block.notes.iter();
    notes.any(|note| matches!(Note::read(note), Ok(Some(Note::NotRun(_)))))
}

fn notes(path: &Path, block: &Block) -> Done<Vec<Note>> {
    let read = block.notes.iter().map(|note| Note::read(note));
    read.filter_map(Result::transpose)
        .collect::<Result<_, _>>()
        .map_err(|reason| Fault::new(STEP, format!("{}:{}: {reason}", path.display(), block.line)))
}

fn play(path: &Path, block: &Block, session: &mut Session, stack: &mut Stack) -> Done {
    let notes = notes(path, block)?;
    for note in &notes {
        if let Note::Deploys { name, value } = note {
            // The old one ends here, as in a new start of `cargo xtask dev`.
            drop(stack.deploy(&[(*name, value.clone())])?);
            return running::remember(&stack.addresses, &session.running());
        }
    }
    let wrong = |reason: String| {
        Fault::new(
            STEP,
            format!("{}:{}: {reason}\n\n{}", path.display(), block.line, block.text),
        )
    };
    let ran = session.run(&block.text).map_err(&wrong)?;
    let fault = |reason: String| Err(wrong(reason).log(&ran.output_file));
    if let Some(line) = ran.output.lines().find(|line| line.contains("command not found")) {
        return fault(line.to_owned());
    }
    if ran.status != 0 {
        return fault(format!("the last command ended with {}", ran.status));
    }
    for note in &notes {
        if let Note::Prints(lines) = note {
            let lacking = lines.iter().find(|line| !ran.output.contains(line.as_str()));
            if let Some(line) = lacking {
                return fault(format!("nowhere printed: {line}"));
            }
        }
    }
    Ok(())
}

fn in_order(pages: &BTreeMap<PathBuf, Page>) -> Vec<(&Path, &Page)> {
    let place = |path: &Path| {
        let first = FIRST.iter().position(|first| path == Path::new(first));
        first.unwrap_or(FIRST.len())
    };
    let mut pages: Vec<_> = pages.iter().map(|(path, page)| (path.as_path(), page)).collect();
    pages.sort_by_key(|(path, _)| place(path));
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cheap, and found before anything is started: a note that is misspelt would be passed over.
    #[test]
    fn every_note_can_be_read() {
        let pages = documents::pages(&paths::root()).unwrap();
        let mut blocks = 0;
        for (path, page) in &pages {
            for block in &page.blocks {
                if let Err(fault) = notes(path, block) {
                    panic!("{}", fault.reason);
                }
                blocks += 1;
            }
        }
        assert!(blocks > 30, "the documents have lost their commands");
    }

    #[test]
    fn pages_that_define_something_come_first() {
        let page = |name: &str| (PathBuf::from(name), Page::default());
        let pages = BTreeMap::from([
            page("docs/a.md"),
            page(FIRST[5]),
            page(FIRST[2]),
            page("CONTRIBUTING.md"),
        ]);
        let order: Vec<_> = in_order(&pages)
            .into_iter()
            .map(|(path, _)| path.to_owned())
            .collect();
        let expected = ["CONTRIBUTING.md", FIRST[2], FIRST[5], "docs/a.md"];
        assert_eq!(order, expected.map(PathBuf::from));
    }
}
