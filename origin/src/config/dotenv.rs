//! The process environment, with `.env` as its fallback on a developer's machine.

use std::collections::BTreeMap;

use shared::config::Lookup;

/// The error: `.env` exists and cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(".env cannot be read: line {line} is not `NAME=value`")]
pub struct DotenvError {
    /// The faulty line, counted from 1; its text is not repeated, since it may hold a secret.
    pub line: usize,
}

/// The variables of this process. With `ENVIRONMENT=development` in the process itself, `.env` in the working directory supplies variables
/// that the process lacks: a file alone can never turn a deployment into a development one.
///
/// # Errors
/// [`DotenvError`] for a `.env` with a line that is not an assignment.
pub fn process_environment() -> Result<impl Lookup, DotenvError> {
    let development = std::env::var("ENVIRONMENT").is_ok_and(|value| value == "development");
    let file = match std::fs::read_to_string(".env") {
        Ok(text) if development => parse(&text)?,
        _ => BTreeMap::new(),
    };
    Ok(move |name: &str| std::env::var(name).ok().or_else(|| file.get(name).cloned()))
}

/// `NAME=value` lines; `#` starts a comment line; quotes around a value are removed.
fn parse(text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fault = DotenvError {
            line: index.saturating_add(1),
        };
        let (name, value) = line.split_once('=').ok_or(fault)?;
        let name = name.trim().trim_start_matches("export ").trim();
        let value = value.trim();
        let value = ['"', '\'']
            .iter()
            .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
            .unwrap_or(value);
        variables.insert(name.to_owned(), value.to_owned());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_lines_become_variables() {
        let variables = parse("# c\n\nA=1\nexport B = two words \nC=\"q=#\"\nD=''\n").unwrap();
        let expected = [("A", "1"), ("B", "two words"), ("C", "q=#"), ("D", "")];
        assert_eq!(
            variables,
            expected
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into()
        );
        assert_eq!(parse("A=1\nhunter2").unwrap_err().line, 2);
    }
}
