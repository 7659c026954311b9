//! Counts of executed lines, read from LCOV's tracefile (`man geninfo`): `SF:` names a file, `DA:line,count` a line of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::fault::{Done, In as _};

/// Lines that can be executed, and how many were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    pub lines: u32,
    pub executed: u32,
}

impl Count {
    /// In percent; not a number where there are no lines.
    pub fn share(self) -> f64 {
        100.0 * f64::from(self.executed) / f64::from(self.lines)
    }
}

/// The counts of each file, by its path from the root.
#[derive(Debug)]
pub struct Lines(BTreeMap<String, Count>);

impl Lines {
    /// Reads `trace`, whose files are under `root`. A file's own tests are left out: they would all count as covered.
    pub fn read(trace: &str, root: &Path) -> Done<Self> {
        let mut files = BTreeMap::new();
        for record in trace.split("end_of_record") {
            let Some(path) = record.lines().find_map(|line| line.strip_prefix("SF:")) else {
                continue;
            };
            let Ok(name) = Path::new(path).strip_prefix(root) else {
                continue;
            };
            let source = fs::read_to_string(path).in_step("coverage")?;
            let count = count(record, tests_begin(&source));
            files.insert(name.to_string_lossy().into_owned(), count);
        }
        Ok(Self(files))
    }

    /// The sum of all files whose path begins with `prefix`.
    pub fn under(&self, prefix: &str) -> Count {
        let files = self.0.iter().filter(|(path, _)| path.starts_with(prefix));
        files.fold(Count::default(), |sum, (_, count)| Count {
            lines: sum.lines.saturating_add(count.lines),
            executed: sum.executed.saturating_add(count.executed),
        })
    }

    /// All files, the one with most lines that were not executed first.
    pub fn least_covered(&self) -> Vec<(&str, Count)> {
        let mut files: Vec<_> = self
            .0
            .iter()
            .map(|(path, count)| (path.as_str(), *count))
            .collect();
        files.sort_by_key(|(_, count)| std::cmp::Reverse(count.lines.saturating_sub(count.executed)));
        files
    }
}

/// The number of the line, counted from 1, on which a file's own tests begin. They are its last part.
fn tests_begin(source: &str) -> usize {
    let lines: Vec<&str> = source.lines().collect();
    let begins = lines
        .windows(2)
        .position(|pair| pair.first() == Some(&"#[cfg(test)]") && pair.last() == Some(&"mod tests {"));
    begins.map_or(usize::MAX, |at| at.saturating_add(1))
}

fn count(record: &str, before: usize) -> Count {
    let mut count = Count::default();
    for fields in record.lines().filter_map(|line| line.strip_prefix("DA:")) {
        let mut numbers = fields.split(',').map(str::parse::<u64>);
        let (Some(Ok(line)), Some(Ok(times))) = (numbers.next(), numbers.next()) else {
            continue;
        };
        if usize::try_from(line).is_ok_and(|line| line < before) {
            count.lines = count.lines.saturating_add(1);
            count.executed = count.executed.saturating_add(u32::from(times > 0));
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tests_are_not_counted() {
        let source = "fn a() {}\nfn b() {}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        assert_eq!(tests_begin(source), 4);
        assert_eq!(tests_begin("#[cfg(test)]\nmod tests;\n"), usize::MAX);
        let record = "SF:/x\nDA:1,3\nDA:2,0\nDA:6,1\nLF:3\n";
        let counted = count(record, tests_begin(source));
        assert_eq!(
            counted,
            Count {
                lines: 2,
                executed: 1
            }
        );
        assert!((counted.share() - 50.0).abs() < f64::EPSILON);
        assert!(Count::default().share().is_nan());
    }

    #[test]
    fn files_are_summed_by_their_place_and_ordered_by_what_is_missing() {
        let file = |lines, executed| Count { lines, executed };
        let files = [
            ("a/src/x.rs", file(10, 9)),
            ("a/src/y.rs", file(5, 0)),
            ("b/src/z.rs", file(3, 3)),
        ];
        let lines = Lines(files.map(|(path, count)| (path.to_owned(), count)).into());
        assert_eq!(lines.under("a/src/"), file(15, 9));
        assert_eq!(lines.least_covered().first(), Some(&("a/src/y.rs", file(5, 0))));
    }
}
