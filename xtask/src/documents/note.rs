//! What a comment before a block of commands says about running it.

/// A note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The block is not run, for this reason.
    NotRun(String),
    /// Each of these is somewhere in what it prints.
    Prints(Vec<String>),
    /// In its place the edge is deployed with this variable.
    Deploys {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// The variables that pages set.
const VARIABLES: [&str; 3] = ["ROLLOUT_PERCENT", "ROLLOUT_KILL_SWITCH", "UPSTREAMS"];

impl Note {
    /// Reads a comment; `None` for one that is about something else.
    ///
    /// # Errors
    /// What is wrong with a note.
    pub fn read(comment: &str) -> Result<Option<Self>, String> {
        let Some((kind, text)) = comment.split_once(':') else {
            return Ok(None);
        };
        let text = text.trim();
        let note = match kind {
            "not run" if text.is_empty() => return Err("`not run` gives no reason".to_owned()),
            "not run" => Self::NotRun(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            "prints" => {
                let lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
                if lines.is_empty() || lines.iter().any(String::is_empty) {
                    return Err("`prints` with an empty line".to_owned());
                }
                Self::Prints(lines)
            }
            "deploys" => {
                let (name, value) = text.split_once('=').ok_or("`deploys` is not NAME=VALUE")?;
                let known = VARIABLES.into_iter().find(|known| *known == name);
                Self::Deploys {
                    name: known.ok_or_else(|| format!("`deploys` knows no variable {name}"))?,
                    value: value.to_owned(),
                }
            }
            _ => return Err(format!("`{kind}` is none of `not run`, `prints`, `deploys`")),
        };
        Ok(Some(note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read() {
        let text = |text: &str| text.to_owned();
        for (comment, note) in [
            (
                "not run: needs\n an account",
                Note::NotRun(text("needs an account")),
            ),
            ("prints: one", Note::Prints(vec![text("one")])),
            (
                "prints:\nx: v2\n  exit 1",
                Note::Prints(vec![text("x: v2"), text("exit 1")]),
            ),
            (
                "deploys: ROLLOUT_PERCENT=80",
                Note::Deploys {
                    name: "ROLLOUT_PERCENT",
                    value: text("80"),
                },
            ),
        ] {
            assert_eq!(Note::read(comment), Ok(Some(note)), "{comment}");
        }
        assert_eq!(Note::read("a remark"), Ok(None));
    }

    #[test]
    fn a_bad_note_is_named() {
        for bad in [
            "not run:",
            "prints:\na\n\nb",
            "prints:",
            "deploys: PORT=1",
            "deploys: x",
            "does not run: x",
        ] {
            assert!(Note::read(bad).is_err(), "{bad}");
        }
    }
}
