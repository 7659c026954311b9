//! Why a file of credentials cannot be used.

/// Why a file of credentials cannot be used: the rule as text, never a part of the file.
pub type BadFile = &'static str;

/// A field that its kind has to have is missing.
pub const INCOMPLETE: BadFile = "names a file of credentials that lacks a field of its kind";

/// An address is not judged safe.
pub const UNSAFE_ADDRESS: BadFile =
    "names a file with an address that may not be sent credentials: it is not an https URL";
