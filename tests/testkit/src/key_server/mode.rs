//! How the key server answers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::keys::{Key, jwk_set};

/// What happens to a request for the key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is answered.
    Ok,
    /// It is answered after `delay_ms`.
    Slow,
    /// The connection ends without an answer.
    Down,
    /// 503.
    Error,
    /// 200 with something that is not JSON.
    Garbage,
    /// 200 with JSON that is not a key set.
    Wrong,
    /// It is never answered, and the connection never closed.
    Hang,
    /// The keys, and 8 MiB more.
    Huge,
}

/// The settings. At first: [`Mode::Ok`], one hour, the first issuer key.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What happens to a request.
    pub mode: Mode,
    /// Milliseconds before an answer in [`Mode::Slow`].
    pub delay_ms: u64,
    /// `max-age` of `Cache-Control`, in seconds.
    pub max_age: u64,
    /// `Age`, in seconds.
    pub age: u64,
    /// The published keys.
    pub keys: Vec<&'static Key>,
}

/// A change of settings; fields that are not named stay.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// See [`Settings::mode`].
    pub mode: Option<Mode>,
    /// See [`Settings::delay_ms`].
    pub delay_ms: Option<u64>,
    /// See [`Settings::max_age`].
    pub max_age: Option<u64>,
    /// See [`Settings::age`].
    pub age: Option<u64>,
    /// The names of the keys to publish.
    pub keys: Option<Vec<String>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Ok,
            delay_ms: 1_000,
            max_age: 3_600,
            age: 0,
            keys: vec![Key::issuer()],
        }
    }
}

impl Settings {
    /// Applies `change` as a whole or not at all.
    ///
    /// # Errors
    /// Names a key that does not exist.
    pub fn change(&mut self, change: Change) -> Result<(), String> {
        let keys = change
            .keys
            .map(|names| {
                names
                    .iter()
                    .map(|name| Key::named(name).ok_or_else(|| format!("there is no key called {name}")))
                    .collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        self.mode = change.mode.unwrap_or(self.mode);
        self.delay_ms = change.delay_ms.unwrap_or(self.delay_ms);
        self.max_age = change.max_age.unwrap_or(self.max_age);
        self.age = change.age.unwrap_or(self.age);
        self.keys = keys.unwrap_or_else(|| std::mem::take(&mut self.keys));
        Ok(())
    }

    /// The published key set.
    #[must_use]
    pub fn key_set(&self) -> Value {
        jwk_set(self.keys.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unnamed_settings_stay() {
        let mut settings = Settings::default();
        let change: Change =
            serde_json::from_str(r#"{"mode":"slow","keys":["issuer-b","issuer-c"]}"#).unwrap();
        settings.change(change).unwrap();
        assert_eq!((settings.mode, settings.max_age), (Mode::Slow, 3_600));
        let change: Change = serde_json::from_str(r#"{"max_age":1}"#).unwrap();
        settings.change(change).unwrap();
        assert_eq!(
            (settings.mode, settings.max_age, settings.keys.len()),
            (Mode::Slow, 1, 2)
        );
    }

    #[test]
    fn a_bad_change_changes_nothing() {
        let mut settings = Settings::default();
        let change: Change = serde_json::from_str(r#"{"mode":"down","keys":["nobody"]}"#).unwrap();
        assert!(settings.change(change).unwrap_err().contains("nobody"));
        assert_eq!(settings.mode, Mode::Ok);
        for refused in [r#"{"mode":"off"}"#, r#"{"colour":1}"#, r#"{"max_age":-1}"#] {
            assert!(serde_json::from_str::<Change>(refused).is_err(), "{refused}");
        }
    }
}
