//! The grammar of RFC 8259, one token at a time.

use std::borrow::Cow;

use super::value::{Json, JsonFault};

/// The brackets of a list or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    List,
    Object,
}

/// How a value begins.
pub(super) enum Start {
    /// A complete value.
    Value(Json),
    /// An opened list or object.
    Open(Bracket),
}

/// The rest of a text.
pub(super) struct Scanner<'t>(&'t str);

type Read<T> = Result<T, JsonFault>;

impl<'t> Scanner<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self(text)
    }

    /// Checks that nothing but white space is left.
    pub(super) fn end(&mut self) -> Read<()> {
        self.skip_blanks();
        self.0.is_empty().then_some(()).ok_or(JsonFault::Syntax)
    }

    /// Reads a single value, or an opening bracket.
    pub(super) fn start(&mut self) -> Read<Start> {
        self.skip_blanks();
        let value = match self.0.as_bytes().first() {
            Some(b'{') => return self.open(Bracket::Object),
            Some(b'[') => return self.open(Bracket::List),
            Some(b'"') => Json::Text(self.string()?.into_owned()),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Start::Value(value))
    }

    /// Passes the closing bracket, if it comes next.
    pub(super) fn closes(&mut self, bracket: Bracket) -> bool {
        self.skip_blanks();
        self.passes(match bracket {
            Bracket::List => ']',
            Bracket::Object => '}',
        })
    }

    /// Passes a comma.
    pub(super) fn comma(&mut self) -> Read<()> {
        self.skip_blanks();
        self.passes(',').then_some(()).ok_or(JsonFault::Syntax)
    }

    /// Reads a member's name and passes the colon.
    pub(super) fn name(&mut self) -> Read<Cow<'t, str>> {
        self.skip_blanks();
        let name = self.string()?;
        self.skip_blanks();
        self.passes(':').then_some(name).ok_or(JsonFault::Syntax)
    }

    fn open(&mut self, bracket: Bracket) -> Read<Start> {
        self.take()?;
        Ok(Start::Open(bracket))
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn passes(&mut self, expected: char) -> bool {
        let after = self.0.strip_prefix(expected);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    fn take(&mut self) -> Read<char> {
        let mut characters = self.0.chars();
        let taken = characters.next().ok_or(JsonFault::Syntax)?;
        self.0 = characters.as_str();
        Ok(taken)
    }

    fn word(&mut self) -> Read<Json> {
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
        ] {
            if let Some(after) = self.0.strip_prefix(word) {
                self.0 = after;
                return Ok(value);
            }
        }
        Err(JsonFault::Syntax)
    }

    fn number(&mut self) -> Read<Json> {
        let begin = self.0;
        let is_negative = self.passes('-');
        let is_zero = self.passes('0');
        if !is_zero {
            self.digits()?;
        }
        let whole = self.0.len();
        if self.passes('.') {
            self.digits()?;
        }
        if self.passes('e') || self.passes('E') {
            let _ = self.passes('+') || self.passes('-');
            self.digits()?;
        }
        let length = begin.len().saturating_sub(self.0.len());
        let text = begin.get(..length).unwrap_or_default();
        let is_whole = whole == self.0.len() && !(is_negative && is_zero);
        if let Some(number) = text.parse().ok().filter(|_| is_whole) {
            return Ok(Json::Whole(number));
        }
        // A number beyond `f64` is no number here.
        let is_finite = text.parse().is_ok_and(f64::is_finite);
        is_finite.then_some(Json::OtherNumber).ok_or(JsonFault::Syntax)
    }

    fn digits(&mut self) -> Read<()> {
        let after = self.0.trim_start_matches(|digit: char| digit.is_ascii_digit());
        if after.len() == self.0.len() {
            return Err(JsonFault::Syntax);
        }
        self.0 = after;
        Ok(())
    }

    fn string(&mut self) -> Read<Cow<'t, str>> {
        if !self.passes('"') {
            return Err(JsonFault::Syntax);
        }
        let mut unescaped: Option<String> = None;
        loop {
            let ends = |byte: u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let end = self.0.bytes().position(ends).ok_or(JsonFault::Syntax)?;
            let (plain, rest) = self.0.split_at_checked(end).ok_or(JsonFault::Syntax)?;
            self.0 = rest;
            match self.take()? {
                '"' => {
                    return Ok(match unescaped {
                        None => Cow::Borrowed(plain),
                        Some(text) => Cow::Owned(text + plain),
                    });
                }
                '\\' => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(plain);
                    text.push(self.escape()?);
                }
                _ => return Err(JsonFault::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        Ok(match self.take()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.code_point()?,
            _ => return Err(JsonFault::Syntax),
        })
    }

    /// The digits of `\uXXXX`, and of the second half of a surrogate pair (section 7).
    fn code_point(&mut self) -> Read<char> {
        let first = self.four_digits()?;
        let high = first.wrapping_sub(0xd800);
        if high >= 0x400 {
            return char::from_u32(first).ok_or(JsonFault::Syntax);
        }
        let has_second = self.passes('\\') && self.passes('u');
        let low = if has_second {
            self.four_digits()?.wrapping_sub(0xdc00)
        } else {
            u32::MAX
        };
        if low >= 0x400 {
            return Err(JsonFault::Syntax);
        }
        let number = ((high << 10) | low).wrapping_add(0x1_0000);
        char::from_u32(number).ok_or(JsonFault::Syntax)
    }

    fn four_digits(&mut self) -> Read<u32> {
        let mut number = 0;
        for _ in 0..4 {
            let digit = self.take()?.to_digit(16).ok_or(JsonFault::Syntax)?;
            number = (number << 4) | digit;
        }
        Ok(number)
    }
}
