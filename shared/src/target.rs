//! The one spelling of a request target (RFC 9112 section 3.2.1, origin form) that the edge judges, seals and sends.
//!
//! A runtime may hand over a target as the client wrote it (`%2e`, `\`, `#`, raw bytes), and a URL parser between two of our steps rewrites
//! it (WHATWG URL standard, "path state"). A guard that reads the original and a service that reads the rewritten text then see different
//! paths. The form made here is that of RFC 3986 section 6.2.2, which a URL parser leaves alone: escapes of unreserved characters are
//! decoded, other escapes are upper case, every character that a path may not hold is escaped, dot segments are resolved. Cloudflare's URL
//! normalisation makes the same of most targets, so a deployment behaves alike with it and without it.
//!
//! A target that readers may understand differently has no such form and is refused: [`TargetFault`].

mod decode;

use std::borrow::Cow;

pub use decode::decode;
use decode::{is_unreserved, unhex};

/// The longest target that is looked at, in bytes; Cloudflare's own limit for a URL.
pub const MAX_TARGET_BYTES: usize = 16 * 1024;
/// How often escapes may be escaped again. Each round is a scan of the path.
const MAX_DECODINGS: u8 = 4;

/// A target in its one spelling. Borrowed where it arrived in that spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, from its leading slash on.
    pub path: Cow<'a, str>,
    /// The query with its `?`, or empty. Its escapes stay: no rule judges them.
    pub query: Cow<'a, str>,
}

/// Why a target has no one spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetFault {
    /// Longer than [`MAX_TARGET_BYTES`].
    TooLong,
    /// Does not begin with a slash.
    NoPath,
    /// Holds a `#`: the rest belongs to the client (RFC 3986 section 3.5) and is never sent on.
    Fragment,
    /// The path holds a `\`, a slash to a URL parser and an ordinary character to RFC 3986.
    Backslash,
    /// Holds a raw control character, or a blank.
    Control,
    /// Holds the replacement for bytes that are not UTF-8: the bytes themselves are lost.
    NotUtf8,
    /// The path holds a `%` without two hexadecimal digits behind it.
    Escape,
    /// A segment that is `.` or `..` for a reader that decodes once more, or cuts off parameters (`..%2F`, `..;`, `%252e`).
    HiddenDots,
    /// Escapes of escapes of escapes.
    EscapedTooOften,
}

impl TargetFault {
    /// What is wrong, for the caller; without any part of the target.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooLong => "The request target is longer than 16384 bytes",
            Self::NoPath => "The request target has no path",
            Self::Fragment => "The request target holds a fragment",
            Self::Backslash => "The path holds a backslash",
            Self::Control => "The request target holds a control character or a blank",
            Self::NotUtf8 => "The request target holds bytes that are not UTF-8 and not percent-encoded",
            Self::Escape => "The path holds a % without two hexadecimal digits",
            Self::HiddenDots => "The path holds an encoded or parametrised dot segment",
            Self::EscapedTooOften => "The path is percent-encoded more than four times over",
        }
    }
}

impl<'a> Target<'a> {
    /// Brings `received` into its one spelling.
    ///
    /// # Errors
    /// [`TargetFault`], the first one met.
    pub fn read(received: &'a str) -> Result<Self, TargetFault> {
        if received.len() > MAX_TARGET_BYTES {
            return Err(TargetFault::TooLong);
        }
        if !received.starts_with('/') {
            return Err(TargetFault::NoPath);
        }
        let mark = received.find('?').unwrap_or(received.len());
        let (path, query) = received.split_at_checked(mark).unwrap_or((received, ""));
        Ok(Self {
            path: canonical_path(path)?,
            query: canonical_query(query)?,
        })
    }
}

fn canonical_path(received: &str) -> Result<Cow<'_, str>, TargetFault> {
    // The check reads to the end in any case: without an early exit the compiler compares many bytes at once.
    let tidy = received
        .bytes()
        .fold(true, |tidy, byte| tidy & (is_path_byte(byte) & (byte != b'%')));
    // A dot segment begins with a dot right behind a slash.
    if tidy && !received.contains("/.") {
        return Ok(Cow::Borrowed(received));
    }
    let spelled = spell(received)?;
    let path = if spelled.contains("/.") {
        resolve(&spelled)
    } else {
        spelled
    };
    refuse_hidden_dots(&path)?;
    Ok(if path == received {
        Cow::Borrowed(received)
    } else {
        Cow::Owned(path)
    })
}

/// What a path may hold unescaped (RFC 3986 section 3.3: `pchar` and the slash).
const fn is_path_byte(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'/' | b':' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

/// Escapes and unescapes each character as RFC 3986 says.
fn spell(received: &str) -> Result<String, TargetFault> {
    let mut spelled = String::with_capacity(received.len().saturating_add(16));
    let mut characters = received.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => {
                let high = characters.next().and_then(unhex).ok_or(TargetFault::Escape)?;
                let low = characters.next().and_then(unhex).ok_or(TargetFault::Escape)?;
                let byte = (high << 4) | low;
                if is_unreserved(byte) {
                    spelled.push(char::from(byte));
                } else {
                    escape(&mut spelled, byte);
                }
            }
            '#' => return Err(TargetFault::Fragment),
            '\\' => return Err(TargetFault::Backslash),
            _ => put(&mut spelled, character, is_path_byte)?,
        }
    }
    Ok(spelled)
}

/// Adds `character`, escaped byte by byte unless `stays` keeps the byte.
fn put(spelled: &mut String, character: char, stays: impl Fn(u8) -> bool) -> Result<(), TargetFault> {
    if character == ' ' || character.is_ascii_control() {
        return Err(TargetFault::Control);
    }
    if character == char::REPLACEMENT_CHARACTER {
        return Err(TargetFault::NotUtf8);
    }
    if u8::try_from(character).is_ok_and(|byte| byte.is_ascii() && stays(byte)) {
        spelled.push(character);
    } else {
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            escape(spelled, byte);
        }
    }
    Ok(())
}

fn escape(spelled: &mut String, byte: u8) {
    spelled.push('%');
    for digit in [byte >> 4, byte & 15] {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or_default();
        spelled.push(digit.to_ascii_uppercase());
    }
}

/// Takes the dot segments out (RFC 3986 section 5.2.4).
fn resolve(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path.split('/').skip(1) {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            name => kept.push(name),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &kept {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if ends_in_folder || resolved.is_empty() {
        resolved.push('/');
    }
    resolved
}

/// Some services decode escapes twice, take `\` for a slash, or cut parameters off a segment. For none of them may a path lead elsewhere
/// than it says.
fn refuse_hidden_dots(path: &str) -> Result<(), TargetFault> {
    let mut bytes = Cow::Borrowed(path.as_bytes());
    for _ in 0..=MAX_DECODINGS {
        if has_dot_segment(&bytes) {
            return Err(TargetFault::HiddenDots);
        }
        match decode(&bytes) {
            None => return Ok(()),
            Some(decoded) => bytes = Cow::Owned(decoded),
        }
    }
    Err(TargetFault::EscapedTooOften)
}

fn has_dot_segment(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let end = name.iter().rposition(|byte| *byte > b' ');
        let name = end.and_then(|end| name.get(..=end)).unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

fn canonical_query(received: &str) -> Result<Cow<'_, str>, TargetFault> {
    let tidy = received
        .bytes()
        .fold(true, |tidy, byte| tidy & is_query_byte(byte));
    if tidy {
        return Ok(Cow::Borrowed(received));
    }
    let mut spelled = String::with_capacity(received.len().saturating_add(16));
    for character in received.chars() {
        if character == '#' {
            return Err(TargetFault::Fragment);
        }
        put(&mut spelled, character, is_query_byte)?;
    }
    Ok(Cow::Owned(spelled))
}

/// What a URL parser leaves unescaped in the query of an http address (WHATWG URL standard, "special-query percent-encode set").
const fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\'')
}

#[cfg(test)]
mod tests;
