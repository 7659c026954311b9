//! A step that did not work, told so that somebody can do something about it.

use std::fmt;
use std::path::{Path, PathBuf};

/// What failed, why, the end of its log, and what to try.
#[derive(Debug)]
pub struct Fault {
    /// The step, as it was announced.
    pub step: String,
    /// What went wrong, in a sentence.
    pub reason: String,
    /// Where the whole output is.
    pub log: Option<PathBuf>,
    /// What to try.
    pub hint: Option<String>,
}

pub type Done<T = ()> = Result<T, Fault>;

impl Fault {
    pub fn new(step: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            step: step.into(),
            reason: reason.to_string(),
            log: None,
            hint: None,
        }
    }

    pub fn log(mut self, path: &Path) -> Self {
        self.log = Some(path.to_owned());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Names the step an error belongs to.
pub trait In<T> {
    fn in_step(self, step: &str) -> Done<T>;
}

impl<T, E: fmt::Display> In<T> for Result<T, E> {
    fn in_step(self, step: &str) -> Done<T> {
        self.map_err(|error| Fault::new(step, error))
    }
}
