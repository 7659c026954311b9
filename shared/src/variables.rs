//! Every variable, secret and binding that the edge and the origin read: the one list from which `docs/CONFIGURATION.md` is made. Tests of
//! both programs compare it with the names that they read.

mod list;

use std::fmt::Write as _;

pub use list::VARIABLES;

/// The program that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// The edge.
    Edge,
    /// The origin.
    Origin,
    /// Both; their values must agree.
    Both,
}

/// How it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A variable; it is not secret.
    Variable,
    /// A secret: `wrangler secret put` at the edge; in the origin's environment, and nowhere else.
    Secret,
    /// A binding of the edge's, in wrangler.toml.
    Binding,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What reads it.
    pub reads: Reads,
    /// How it is set.
    pub kind: Kind,
    /// The value in force where it is not set; `required` where it must be set.
    pub default: &'static str,
    /// What it does, in Markdown.
    pub effect: &'static str,
}

impl Variable {
    /// Whether `program` reads it.
    #[must_use]
    pub fn is_read_by(&self, program: Reads) -> bool {
        self.reads == program || self.reads == Reads::Both
    }
}

/// The page.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         `origin variables` prints this page; a test compares. Both programs name every bad variable at once: the origin exits with 64, the \
         edge answers 503 `CONFIG_INVALID`. An empty value counts as not set.\n\n\
         At the edge, variables are in [`wrangler.toml`](../wrangler.toml), all of them in every environment; \
         `wrangler secret put NAME --env ENV` sets secrets. The origin takes both from its environment. Variables that both programs read \
         must have the same value on both sides: `/readyz?verbose` of the edge and `origin doctor --edge` compare them.\n",
    );
    for (title, program) in [
        ("Both", Reads::Both),
        ("The edge", Reads::Edge),
        ("The origin", Reads::Origin),
    ] {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| name | kind | default | effect |\n|---|---|---|---|\n"
        );
        for variable in VARIABLES.iter().filter(|variable| variable.reads == program) {
            let kind = match variable.kind {
                Kind::Variable => "variable",
                Kind::Secret => "**secret**",
                Kind::Binding => "binding",
            };
            let _ = writeln!(
                page,
                "| `{}` | {kind} | {} | {} |",
                variable.name, variable.default, variable.effect
            );
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_row_is_one_line() {
        let names: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), VARIABLES.len());
        for variable in VARIABLES {
            for text in [variable.default, variable.effect] {
                assert!(
                    !text.is_empty() && !text.contains(['\n', '|']),
                    "{}",
                    variable.name
                );
            }
        }
    }

    /// `UPDATE_DOCUMENTS=1` writes the page.
    #[test]
    #[cfg(not(target_arch = "wasm32"))]
    fn page_is_what_the_list_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFIGURATION.md");
        if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, markdown(), "UPDATE_DOCUMENTS=1 writes it");
    }
}
