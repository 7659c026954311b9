//! Configuration read in one pass: every bad variable is named, not only the first.

use std::collections::BTreeMap;
use std::fmt;

/// Where values come from: process environment, wrangler bindings, a table in a test.
pub trait Lookup {
    /// The value of `name`, or `None` when it is not set.
    fn get(&self, name: &str) -> Option<String>;
}

impl Lookup for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

impl<F: Fn(&str) -> Option<String>> Lookup for F {
    fn get(&self, name: &str) -> Option<String> {
        self(name)
    }
}

/// One bad variable. The reason never repeats the value: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub name: String,
    /// What is wrong, in words that complete "`NAME` …".
    pub reason: String,
}

/// Every bad variable found in one pass; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The names, for a place that may not show reasons.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|fault| fault.name.as_str()).collect()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{} {}", fault.name, fault.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Reads variables and collects faults.
///
/// An empty value counts as not set: wrangler cannot unset an inherited variable, only empty it.
pub struct Reader<'a> {
    lookup: &'a dyn Lookup,
    faults: Vec<Fault>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl<'a> Reader<'a> {
    /// A reader over `lookup`.
    #[must_use]
    pub fn new(lookup: &'a dyn Lookup) -> Self {
        Self {
            lookup,
            faults: Vec::new(),
        }
    }

    /// The value of `name` as it stands, empty ones included.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<String> {
        self.lookup.get(name)
    }

    /// The value of `name` if it is set and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.lookup.get(name).filter(|value| !value.is_empty())
    }

    /// Parses `name` if it is set. A value that does not parse is a fault and reads as `None`.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.fault(name, reason.to_string());
                None
            }
        }
    }

    /// Parses `name`; a missing one is a fault too.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.text(name).is_none() {
            self.fault(name, "is required");
            return None;
        }
        self.optional(name, parse)
    }

    /// Parses `name`, or takes `default` when it is not set (or bad, which is a fault).
    pub fn or<T, E: fmt::Display>(
        &mut self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        self.optional(name, parse).unwrap_or(default)
    }

    /// Records a fault that shows only when several variables are compared.
    pub fn fault(&mut self, name: &str, reason: impl Into<String>) {
        self.faults.push(Fault {
            name: name.to_owned(),
            reason: reason.into(),
        });
    }

    /// The faults so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// `value`, if nothing was wrong.
    ///
    /// # Errors
    /// All faults. Also when `value` is `None`: a required variable's fault accounts for that.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Faults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => {
                if self.faults.is_empty() {
                    self.fault("configuration", "is incomplete");
                }
                Err(Faults(self.faults))
            }
        }
    }
}

/// Parses a whole number within `range`.
///
/// # Errors
/// The rule in words.
pub fn whole_number(text: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, String> {
    let rule = || format!("is not a whole number from {} to {}", range.start(), range.end());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(rule());
    }
    text.parse::<i64>()
        .ok()
        .filter(|value| range.contains(value))
        .ok_or_else(rule)
}

/// Parses `on` / `off`.
///
/// # Errors
/// The rule in words.
pub fn on_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is neither `on` nor `off`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_fault_is_named() {
        let table = BTreeMap::from([("A".to_owned(), "x".to_owned()), ("B".to_owned(), String::new())]);
        let mut reader = Reader::new(&table);
        let a = reader.required("A", |text| whole_number(text, 0..=60));
        let b = reader.required("B", on_off);
        let c = reader.or("C", 7, |text| whole_number(text, 0..=9));
        assert_eq!((a, b, c), (None, None, 7));
        let faults = reader.finish(Some(())).unwrap_err();
        assert_eq!(faults.names(), ["A", "B"]);
        assert_eq!(
            faults.to_string(),
            "A is not a whole number from 0 to 60\nB is required"
        );
    }

    #[test]
    fn whole_numbers_are_plain_digits() {
        assert_eq!(whole_number("007", 0..=9), Ok(7));
        for refused in ["", "+1", "-1", "1e1", " 1", "1.0", "10", "99999999999999999999"] {
            assert!(whole_number(refused, 0..=9).is_err(), "{refused:?}");
        }
    }
}
