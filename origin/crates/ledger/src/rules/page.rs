//! The cursor between pages of transfers.

use shared::base64url;

/// The place after the last transfer of a page. Opaque to callers: its content may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The page continues with transfers of the user below this version.
    pub before: i64,
}

/// The error: the text is not a cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that this service gave")]
pub struct InvalidCursor;

impl Cursor {
    /// The text for callers: base64url of a version and the number.
    #[must_use]
    pub fn encode(self) -> String {
        base64url::encode(format!("1.{}", self.before).as_bytes())
    }

    /// Reads [`Cursor::encode`].
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything else.
    pub fn decode(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > 64 {
            return Err(InvalidCursor);
        }
        let bytes = base64url::decode(text.as_bytes()).map_err(|_| InvalidCursor)?;
        let before = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.strip_prefix("1."))
            .and_then(|number| number.parse().ok())
            .ok_or(InvalidCursor)?;
        Ok(Self { before })
    }
}

/// How many transfers a page holds: 1–100, 20 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(i64);

impl PageSize {
    /// 20.
    pub const DEFAULT: Self = Self(20);
    /// 100.
    pub const MAX: i64 = 100;

    /// Checks `size`; `None` outside 1–[`Self::MAX`].
    #[must_use]
    pub fn new(size: i64) -> Option<Self> {
        (1..=Self::MAX).contains(&size).then_some(Self(size))
    }

    /// The number of transfers.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cursor_survives_its_text(before: i64) {
            let cursor = Cursor { before };
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn any_text_decodes_or_fails_without_panic(text in ".{0,80}") {
            let _ = Cursor::decode(&text);
        }
    }

    #[test]
    fn foreign_cursors_are_refused() {
        for refused in [
            "",
            "1",
            "1.5",
            "Mi41",
            "!!!!",
            &"A".repeat(65),
            &base64url::encode(b"1.x"),
            &base64url::encode(b"2.5"),
        ] {
            assert_eq!(Cursor::decode(refused), Err(InvalidCursor), "{refused}");
        }
    }

    #[test]
    fn pages_are_bounded() {
        for refused in [i64::MIN, -1, 0, 101, i64::MAX] {
            assert_eq!(PageSize::new(refused), None, "{refused}");
        }
        assert_eq!(PageSize::new(100).map(PageSize::get), Some(100));
    }
}
