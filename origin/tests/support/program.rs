//! The origin as a process of its own.

use std::process::Command;

/// The program without our variables, except the one for a coverage run's counters.
#[must_use]
pub fn origin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_origin"));
    command.env_clear();
    if let Some(file) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", file);
    }
    command
}
