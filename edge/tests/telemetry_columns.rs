//! Analytics Engine's columns have numbers. The dashboard and the documents must call each column by its name.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop; clippy does not see that helpers are tests"
)]

use edge::telemetry::{BLOBS, DOUBLES};
use serde_json::Value;

const DASHBOARD: &str = include_str!("../../ops/grafana/dashboards/edge.json");
const DOCUMENT: &str = include_str!("../../docs/LOGGING.md");
const WRANGLER: &str = include_str!("../../wrangler.toml");

/// The faults in the columns of `statement`, given the text `words` around it: a column that does not exist, has another name there, or has
/// none.
fn faults(statement: &str, words: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, names) in [("blob", &BLOBS[..]), ("double", &DOUBLES[..])] {
        for (at, _) in statement.match_indices(kind) {
            let rest = &statement[at + kind.len()..];
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            let column = format!("{kind}{digits}");
            let Some(name) = digits.parse::<usize>().ok().and_then(|n| names.get(n - 1)) else {
                faults.push(format!("there is no {column}"));
                continue;
            };
            let alias = rest[digits.len()..].strip_prefix(" AS ");
            let alias = alias.map(|alias| {
                let end = alias.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                &alias[..end.unwrap_or(alias.len())]
            });
            if alias.is_some_and(|alias| alias != *name) {
                faults.push(format!("{column} is {name}, not {}", alias.unwrap()));
            }
            let said = words
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .any(|word| word == *name);
            if !said {
                faults.push(format!("nothing says that {column} is {name}"));
            }
        }
    }
    faults
}

#[test]
fn dashboard_calls_every_column_by_its_name() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() > 10);
    for panel in panels {
        for target in panel["targets"].as_array().unwrap() {
            let statement = target["query"].as_str().unwrap();
            let wrong = faults(statement, &panel.to_string());
            assert!(wrong.is_empty(), "{}: {wrong:?}\n{statement}", panel["title"]);
            assert!(statement.contains("$timeFilter"), "{}", panel["title"]);
            assert!(
                statement.contains("_sample_interval") || !statement.contains("sum("),
                "{}: counts points, not requests",
                panel["title"]
            );
        }
    }
}

#[test]
fn every_column_is_shown_somewhere() {
    for (kind, names) in [("blob", &BLOBS[..]), ("double", &DOUBLES[..])] {
        for number in 1..=names.len() {
            assert!(DASHBOARD.contains(&format!("{kind}{number}")), "{kind}{number}");
        }
    }
}

#[test]
fn document_lists_and_names_every_column() {
    for (kind, names) in [("blob", &BLOBS[..]), ("double", &DOUBLES[..])] {
        for (at, name) in names.iter().enumerate() {
            let row = format!("| `{kind}{}` | `{name}` |", at + 1);
            assert!(DOCUMENT.contains(&row), "{row}");
        }
    }
    let statements: Vec<&str> = DOCUMENT
        .split("```sql\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(statements.len() >= 4, "statements to start with");
    for statement in statements {
        let wrong = faults(statement, statement);
        assert!(wrong.is_empty(), "{wrong:?}\n{statement}");
    }
}

/// Bindings are not inherited, and the dashboard offers the datasets by name.
#[test]
fn every_environment_with_users_has_a_dataset_that_the_dashboard_offers() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    for environment in ["staging", "production"] {
        let datasets = &document["env"][environment]["analytics_engine_datasets"];
        let [dataset] = datasets.as_array().unwrap().as_slice() else {
            panic!("[env.{environment}] has not one dataset");
        };
        assert_eq!(dataset["binding"].as_str(), Some("TELEMETRY"));
        assert!(
            DASHBOARD.contains(dataset["dataset"].as_str().unwrap()),
            "{environment}"
        );
    }
}

#[test]
fn a_wrong_column_is_found() {
    assert_eq!(
        faults(
            "SELECT blob99, blob1 AS reason, double2 AS duration_ms",
            "duration_ms"
        ),
        [
            "there is no blob99",
            "blob1 is route, not reason",
            "nothing says that blob1 is route"
        ]
    );
}
