//! Header changes on a forwarded message: removals and settings, kept as the one text that crosses to JavaScript.

/// Changes to apply to a set of headers, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct HeaderChanges(String);

impl HeaderChanges {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self(String::with_capacity(1024))
    }

    /// Removes `name`, if it is there.
    pub fn remove(&mut self, name: &str) {
        self.line();
        self.0.push_str(name);
    }

    /// Sets `name` to `value`, in place of any earlier value. A value that could end the line is dropped with its header: it cannot come
    /// from us, and a missing header is better than a forged one.
    pub fn set(&mut self, name: &str, value: &str) {
        // The fold reads to the end in any case: without an early exit the compiler compares many bytes at once.
        let ends_line = value
            .bytes()
            .fold(false, |ends, byte| ends | matches!(byte, b'\r' | b'\n' | 0));
        if ends_line {
            self.remove(name);
            return;
        }
        self.line();
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
    }

    /// Adds `value` to the present value of `name`, for headers that are lists. `value` is ours, not a caller's.
    pub fn append(&mut self, name: &str, value: &'static str) {
        self.line();
        self.0.push('+');
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
    }

    /// Sets `name` to `value` where the message has no header of that name. `value` is ours, not a caller's.
    pub fn set_unless_present(&mut self, name: &str, value: &'static str) {
        self.line();
        self.0.push('?');
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
    }

    /// Makes `later`'s changes after these.
    pub fn extend(&mut self, later: &Self) {
        if !later.0.is_empty() {
            self.line();
            self.0.push_str(&later.0);
        }
    }

    /// `first`, and then the changes, one a line.
    #[must_use]
    pub fn behind(&self, first: &str) -> String {
        let mut text = String::with_capacity(first.len().saturating_add(self.0.len()).saturating_add(1));
        text.push_str(first);
        if !self.0.is_empty() {
            text.push('\n');
            text.push_str(&self.0);
        }
        text
    }

    /// One change a line: `name` removes, `name:value` sets, `+name:value` adds to the list, `?name:value` sets a header that is absent.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    fn line(&mut self) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_add_a_header() {
        let mut changes = HeaderChanges::new();
        changes.set("x-user-id", "1\nx-user-type:admin");
        changes.set("x-request-id", "r-1");
        changes.remove("cookie");
        assert_eq!(changes.as_text(), "x-user-id\nx-request-id:r-1\ncookie");
    }
}
