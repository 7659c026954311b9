//! Where the figures go besides the screen.

use std::fs;
use std::path::PathBuf;

use stack::fault::{Done, In as _};

const STEP: &str = "write the figures";

/// What all measurements take.
#[derive(Debug, clap::Args)]
pub struct Output {
    /// Writes the figures there as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Output {
    /// Writes `document` if the options name a file.
    pub fn write(&self, document: impl FnOnce() -> serde_json::Value) -> Done {
        let Some(path) = &self.json else {
            return Ok(());
        };
        fs::write(path, serde_json::to_vec_pretty(&document()).in_step(STEP)?).in_step(STEP)
    }
}
