//! The values that are read, their limits, and the reasons to refuse them.

use std::cell::Cell;

/// A JSON value. Numbers other than whole ones in `i64` keep no value: no claim of ours is a fraction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Whole(i64),
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(Object),
    /// A list or an object below the deepest level that is kept. It obeys every rule, but its content is dropped.
    Deep,
}

/// A JSON object without duplicate members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Object(pub(super) Vec<(String, Json)>);

impl Object {
    /// The member called `name`; `null` counts as a value.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// Whether there is a member called `name`, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Takes the member called `name` out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// The member called `name` if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Why text is not the JSON we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonFault {
    /// Not JSON, or not UTF-8.
    Syntax,
    /// JSON, but not an object.
    NotAnObject,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// Nested deeper than allowed.
    TooDeep,
    /// More members, counted over all objects, than allowed.
    TooManyMembers,
}

/// The limits of a document: nesting, and members of all its objects together. The parts of one token share one budget.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(super) depth: usize,
    members: Cell<u16>,
}

impl Budget {
    pub(crate) const fn new(depth: usize, members: u16) -> Self {
        Self {
            depth,
            members: Cell::new(members),
        }
    }

    /// Counts one more member.
    pub(super) fn member(&self) -> Result<(), JsonFault> {
        let left = self.members.get().checked_sub(1);
        self.members.set(left.ok_or(JsonFault::TooManyMembers)?);
        Ok(())
    }
}
