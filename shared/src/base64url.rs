//! Base64url as JOSE uses it (RFC 4648 section 5, RFC 7515 section 2): no padding, no white space, no `+` or `/`, unused bits
//! zero. Strict, so that one byte string has exactly one spelling and a token cannot be varied without breaking it.

/// The text is not strict base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding")]
pub struct NotBase64Url;

const REFUSED: u8 = 0xFF;

const fn value_of(symbol: u8) -> u8 {
    match symbol {
        b'A'..=b'Z' => symbol.wrapping_sub(b'A'),
        b'a'..=b'z' => symbol.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => symbol.wrapping_sub(b'0').wrapping_add(52),
        b'-' => 62,
        b'_' => 63,
        _ => REFUSED,
    }
}

/// [`value_of`] of every byte, so that decoding looks values up instead of comparing.
const VALUES: [u8; 256] = {
    let mut values = [REFUSED; 256];
    let mut rest: &mut [u8] = &mut values;
    let mut symbol: u8 = 0;
    while let Some((value, after)) = rest.split_first_mut() {
        *value = value_of(symbol);
        symbol = symbol.wrapping_add(1);
        rest = after;
    }
    values
};

fn value(symbol: u8) -> u8 {
    VALUES.get(usize::from(symbol)).copied().unwrap_or(REFUSED)
}

/// Decodes `text`.
///
/// # Errors
/// [`NotBase64Url`] for a foreign symbol, a length of `4n + 1`, or unused bits that are not zero.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64Url> {
    let mut bytes = Vec::with_capacity(text.len().div_ceil(4).saturating_mul(3));
    let (groups, rest) = text.as_chunks::<4>();
    // A refused symbol sets bits that no value has: one check at the end finds it.
    let mut seen = 0;
    for group in groups {
        let [a, b, c, d] = group.map(|symbol| u32::from(value(symbol)));
        seen |= a | b | c | d;
        let [_, a, b, c] = ((a << 18) | (b << 12) | (c << 6) | d).to_be_bytes();
        bytes.extend_from_slice(&[a, b, c]);
    }
    let mut word: u32 = 0;
    for symbol in rest {
        let value = u32::from(value(*symbol));
        seen |= value;
        word = (word << 6) | value;
    }
    match rest.len() {
        0 => {}
        3 if word.trailing_zeros() >= 2 => {
            let [_, a, b, _] = (word << 6).to_be_bytes();
            bytes.extend_from_slice(&[a, b]);
        }
        2 if word.trailing_zeros() >= 4 => {
            let [_, a, _, _] = (word << 12).to_be_bytes();
            bytes.push(a);
        }
        _ => return Err(NotBase64Url),
    }
    if seen < 64 { Ok(bytes) } else { Err(NotBase64Url) }
}

const SYMBOLS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The symbol of the six bits that begin at bit `shift` of `word`.
fn symbol(word: u32, shift: u32) -> u8 {
    let [.., index] = ((word >> shift) & 63).to_be_bytes();
    SYMBOLS.get(usize::from(index)).copied().unwrap_or(b'A')
}

/// Encodes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = Vec::new();
    encode_to(&mut text, bytes);
    // Symbols are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

/// Appends the encoded `bytes` to `text`.
pub(crate) fn encode_to(text: &mut Vec<u8>, bytes: &[u8]) {
    text.reserve(bytes.len().div_ceil(3).saturating_mul(4));
    let (groups, rest) = bytes.as_chunks::<3>();
    for [a, b, c] in groups {
        let word = u32::from_be_bytes([0, *a, *b, *c]);
        text.extend_from_slice(&[
            symbol(word, 18),
            symbol(word, 12),
            symbol(word, 6),
            symbol(word, 0),
        ]);
    }
    match rest {
        [a] => {
            let word = u32::from_be_bytes([0, *a, 0, 0]);
            text.extend_from_slice(&[symbol(word, 18), symbol(word, 12)]);
        }
        [a, b] => {
            let word = u32::from_be_bytes([0, *a, *b, 0]);
            text.extend_from_slice(&[symbol(word, 18), symbol(word, 12), symbol(word, 6)]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn rfc4648_examples() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()), Ok(bytes.as_bytes().to_vec()));
        }
    }

    #[test]
    fn every_byte_pattern_survives() {
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length)
                .map(|i| i.wrapping_mul(37).wrapping_add(length))
                .collect();
            assert_eq!(decode(encode(&bytes).as_bytes()), Ok(bytes));
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "Zg==", "Zg=", "Zh", "Zm9", "Z", "Zm9vY", "Zm 9v", "Zm9v\n", "Zm+v", "Zm/v", "Zm9v.", "Zé",
            "\0\0\0\0",
        ] {
            assert_eq!(decode(text.as_bytes()), Err(NotBase64Url), "{text:?}");
        }
    }
}
