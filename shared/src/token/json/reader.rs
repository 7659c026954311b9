//! From JSON tokens to a value, with an explicit stack.

use std::borrow::Cow;

use super::scan::{Bracket, Scanner, Start};
use super::value::{Budget, Json, JsonFault, Object};

/// Values are kept down to this depth: no claim or key that is read lies deeper.
const KEPT_DEPTH: usize = 4;

/// Reads one value and nothing after it.
pub(super) fn read(text: &str, budget: &Budget) -> Result<Json, JsonFault> {
    let mut reader = Reader {
        scanner: Scanner::new(text),
        budget,
        open: Vec::new(),
        names: Vec::new(),
    };
    let mut value = reader.start()?;
    loop {
        let Some(complete) = value else {
            value = reader.start()?;
            continue;
        };
        if reader.open.is_empty() {
            reader.scanner.end()?;
            return Ok(complete);
        }
        value = reader.put(complete)?;
    }
}

struct Reader<'t, 'b> {
    scanner: Scanner<'t>,
    budget: &'b Budget,
    /// The lists and objects that are open.
    open: Vec<Open<'t>>,
    /// The names in all open objects so far, those of the innermost object last.
    names: Vec<Cow<'t, str>>,
}

/// A list or an object that is open.
struct Open<'t> {
    bracket: Bracket,
    is_kept: bool,
    values: Vec<Json>,
    members: Vec<(String, Json)>,
    /// In an object: the name of the next value.
    name: Cow<'t, str>,
    /// In an object: where its names begin.
    names_from: usize,
}

impl<'t> Reader<'t, '_> {
    /// Reads a single value, or opens a list or object: then there is no complete value yet.
    fn start(&mut self) -> Result<Option<Json>, JsonFault> {
        match self.scanner.start()? {
            Start::Value(value) => Ok(Some(value)),
            Start::Open(bracket) => {
                if self.open.len() >= self.budget.depth {
                    return Err(JsonFault::TooDeep);
                }
                self.open.push(Open {
                    bracket,
                    is_kept: self.open.len() < KEPT_DEPTH,
                    values: Vec::new(),
                    members: Vec::new(),
                    name: Cow::Borrowed(""),
                    names_from: self.names.len(),
                });
                if self.scanner.closes(bracket) {
                    return self.close();
                }
                self.name()?;
                Ok(None)
            }
        }
    }

    /// Puts a complete value into the open list or object. Returns the list or object that it completes.
    fn put(&mut self, value: Json) -> Result<Option<Json>, JsonFault> {
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(value));
        };
        if open.is_kept {
            match open.bracket {
                Bracket::List => open.values.push(value),
                Bracket::Object => open.members.push((open.name.to_string(), value)),
            }
        }
        let bracket = open.bracket;
        if self.scanner.closes(bracket) {
            return self.close();
        }
        self.scanner.comma()?;
        self.name()?;
        Ok(None)
    }

    /// In an object, reads the next member's name.
    fn name(&mut self) -> Result<(), JsonFault> {
        let Some(open) = self
            .open
            .last_mut()
            .filter(|open| open.bracket == Bracket::Object)
        else {
            return Ok(());
        };
        let name = self.scanner.name()?;
        self.budget.member()?;
        open.name = name.clone();
        self.names.push(name);
        Ok(())
    }

    fn close(&mut self) -> Result<Option<Json>, JsonFault> {
        let Some(open) = self.open.pop() else {
            return Err(JsonFault::Syntax);
        };
        if let Some(names) = self.names.get_mut(open.names_from..) {
            names.sort_unstable();
            if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
                return Err(JsonFault::DuplicateMember);
            }
        }
        self.names.truncate(open.names_from);
        Ok(Some(match open.bracket {
            _ if !open.is_kept => Json::Deep,
            Bracket::List => Json::List(open.values),
            Bracket::Object => Json::Object(Object(open.members)),
        }))
    }
}
