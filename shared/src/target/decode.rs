//! Percent-decoding (RFC 3986 section 2.1).

/// Characters that mean the same escaped and not (RFC 3986 section 2.3).
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The value of a hexadecimal digit.
pub(super) fn unhex(digit: char) -> Option<u8> {
    digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// One round of decoding; `None` when there was nothing to decode. A `%` without two digits stays.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| escape(after)).flatten();
        let (byte, after) = escaped.unwrap_or((*first, after));
        decoded.push(byte);
        rest = after;
    }
    (decoded.len() < bytes.len()).then_some(decoded)
}

fn escape(after: &[u8]) -> Option<(u8, &[u8])> {
    let (high, after) = after.split_first()?;
    let (low, after) = after.split_first()?;
    let high = unhex(char::from(*high))?;
    let low = unhex(char::from(*low))?;
    Some(((high << 4) | low, after))
}
