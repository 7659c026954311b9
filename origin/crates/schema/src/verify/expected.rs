//! The compared part of the schema after the newest migration.

use std::sync::LazyLock;

/// A line for each thing; `cargo xtask test --only origin` compares it with a migrated database, and writes it with `UPDATE_DOCUMENTS=1`.
const SNAPSHOT: &str = include_str!("expected.txt");

/// What the tables must have; there may be more.
pub(super) static EXPECTED: LazyLock<Expected> = LazyLock::new(|| Expected::read(SNAPSHOT));

/// A column.
pub(super) struct Column {
    pub table: &'static str,
    pub name: &'static str,
    /// The type as `format_type` spells it.
    pub kind: &'static str,
    pub not_null: bool,
}

#[derive(Default)]
pub(super) struct Expected {
    /// The compared tables.
    pub tables: Vec<&'static str>,
    pub columns: Vec<Column>,
    /// By table and name.
    pub constraints: Vec<(&'static str, &'static str)>,
    /// By name, and whether they are unique.
    pub indexes: Vec<(&'static str, bool)>,
    /// By table and name; all must be enabled.
    pub triggers: Vec<(&'static str, &'static str)>,
}

impl Expected {
    fn read(snapshot: &'static str) -> Self {
        let mut expected = Self::default();
        for line in snapshot.lines() {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default();
            match (word(), word(), word(), word()) {
                ("column", table, name, kind) => {
                    if !expected.tables.contains(&table) {
                        expected.tables.push(table);
                    }
                    let kind_if_not_null = kind.strip_suffix(" NOT NULL");
                    expected.columns.push(Column {
                        table,
                        name,
                        kind: kind_if_not_null.unwrap_or(kind),
                        not_null: kind_if_not_null.is_some(),
                    });
                }
                ("constraint", table, name, _) => expected.constraints.push((table, name)),
                ("index", name, unique, _) => expected.indexes.push((name, unique == "unique")),
                ("trigger", table, name, _) => expected.triggers.push((table, name)),
                _ => {}
            }
        }
        expected
    }
}
