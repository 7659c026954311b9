//! The `cargo xtask` commands in a piece of code, held against the commands there are.

use clap::{Arg, Command};

const CALL: &str = "cargo xtask ";

/// What is wrong with the calls in `code`: a verb or an option that `root` does not have.
///
/// A word that can be no verb (`…`, a placeholder in capitals) ends the search: it stands for whatever one likes.
pub fn unknown(code: &str, root: &Command) -> Vec<String> {
    code.match_indices(CALL)
        .filter_map(|(at, _)| code.get(at + CALL.len()..))
        .flat_map(|rest| call(rest, root))
        .collect()
}

fn call(rest: &str, root: &Command) -> Vec<String> {
    let mut wrong = Vec::new();
    // A verb, or several that share what came before: `explain|preview`.
    let mut commands = vec![root];
    for text in rest.split_whitespace() {
        let word = text.trim_end_matches([')', '"', '\'', '.', ',']);
        if matches!(word, "#" | "|" | "&&" | "||" | ";" | "&" | "") {
            break;
        }
        if commands.iter().any(|command| passes_on(command)) {
            break;
        }
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split('=').next().unwrap_or_default();
            if let Some(command) = commands.iter().find(|command| !has_option(command, name)) {
                wrong.push(format!("`cargo xtask` {} has no --{name}", command.get_name()));
            }
        } else if commands.iter().all(|command| command.has_subcommands()) {
            if !word.split('|').all(is_verb) {
                break;
            }
            let found: Vec<&Command> = word
                .split('|')
                .filter_map(|verb| {
                    let known = commands.iter().find_map(|command| command.find_subcommand(verb));
                    if known.is_none() {
                        wrong.push(format!("there is no `cargo xtask` verb `{verb}`"));
                    }
                    known
                })
                .collect();
            if found.is_empty() {
                break;
            }
            commands = found;
        }
        // `$(cargo xtask where database)`: what follows is another command's.
        if text.contains(')') {
            break;
        }
    }
    wrong
}

/// Whether another program reads the rest.
fn passes_on(command: &Command) -> bool {
    !command.has_subcommands() && command.get_arguments().any(Arg::is_trailing_var_arg_set)
}

fn has_option(command: &Command, name: &str) -> bool {
    name == "help"
        || command
            .get_arguments()
            .any(|argument| argument.get_long() == Some(name))
}

fn is_verb(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(code: &str) -> Vec<String> {
        unknown(code, &crate::commands())
    }

    #[test]
    fn commands_that_exist_pass() {
        for code in [
            "cargo xtask dev",
            "cargo xtask dev --percent 80      # in the first terminal",
            "cargo xtask …",
            "cargo xtask rollout explain|preview|plan",
            "cargo xtask rollout explain --email ada@example.com --env development",
            "cargo xtask test --only origin && cargo xtask check",
            "cargo xtask sql \"SELECT dev FROM x\"",
            "cargo run -p crossfade-origin -- --nothing",
            "URL=$(cargo xtask where database) cargo test --test api",
            "cargo xtask --help",
        ] {
            assert_eq!(faults(code), Vec::<String>::new(), "{code}");
        }
    }

    #[test]
    fn commands_that_do_not_exist_are_named() {
        for (code, fault) in [
            ("cargo xtask develop", "there is no `cargo xtask` verb `develop`"),
            (
                "x && cargo xtask rollout explane",
                "there is no `cargo xtask` verb `explane`",
            ),
            (
                "cargo xtask rollout explain|move",
                "there is no `cargo xtask` verb `move`",
            ),
            ("cargo xtask dev --share 3", "`cargo xtask` dev has no --share"),
            (
                "cargo xtask bench edges",
                "there is no `cargo xtask` verb `edges`",
            ),
            (
                "cargo xtask drill migration --people 3",
                "`cargo xtask` migration has no --people",
            ),
        ] {
            assert_eq!(faults(code), [fault], "{code}");
        }
    }
}
