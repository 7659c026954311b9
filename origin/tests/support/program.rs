//! The origin as a process of its own.

use std::process::Command;

/// The program, with none of our variables but the one that says where a coverage run wants its counters.
#[must_use]
pub fn origin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_origin"));
    command.env_clear();
    if let Some(file) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", file);
    }
    command
}
