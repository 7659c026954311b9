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

/// Decodes `text`.
///
/// # Errors
/// [`NotBase64Url`] for a foreign symbol, a length of `4n + 1`, or unused bits that are not zero.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, NotBase64Url> {
    let mut bytes = Vec::with_capacity(text.len().div_ceil(4).saturating_mul(3));
    for group in text.chunks(4) {
        let mut word: u32 = 0;
        for symbol in group {
            let value = value_of(*symbol);
            if value == REFUSED {
                return Err(NotBase64Url);
            }
            word = (word << 6) | u32::from(value);
        }
        match group.len() {
            4 => {
                let [_, a, b, c] = word.to_be_bytes();
                bytes.extend_from_slice(&[a, b, c]);
            }
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
    }
    Ok(bytes)
}

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn symbol(value: u32) -> char {
    let index = usize::try_from(value & 63).unwrap_or(0);
    SYMBOLS.get(index).map_or('A', |symbol| char::from(*symbol))
}

/// Encodes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for group in bytes.chunks(3) {
        let (word, symbols) = match group {
            [a, b, c] => (u32::from_be_bytes([0, *a, *b, *c]), 4),
            [a, b] => (u32::from_be_bytes([0, *a, *b, 0]), 3),
            [a] => (u32::from_be_bytes([0, *a, 0, 0]), 2),
            _ => (0, 0),
        };
        for shift in [18, 12, 6, 0].into_iter().take(symbols) {
            text.push(symbol(word >> shift));
        }
    }
    text
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
