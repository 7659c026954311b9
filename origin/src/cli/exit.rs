//! Exit codes besides 0 (done) and 1 (failed).

/// `EX_USAGE` of sysexits.h: arguments or configuration are wrong, and a restart will not help.
pub const USAGE: u8 = 64;
/// The result for some users is bad. 1 means that the command failed.
pub const SOME: u8 = 2;
