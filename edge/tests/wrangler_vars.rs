//! Every environment of wrangler.toml is a good configuration, complete in itself, and holds no secret.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop; clippy does not see that helpers are tests"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use edge::config::EdgeConfig;
use edge::paths::{ACCOUNT_BINDING, ACCOUNT_NETWORK_BINDING, Limit};
use shared::routing::Side;
use shared::variables::{Kind, Reads, VARIABLES, Variable};

const WRANGLER: &str = include_str!("../../wrangler.toml");
/// `wrangler secret put` sets these; the tests use throw-away values of the right form.
const SECRETS: [(&str, &str); 3] = [
    (
        "ORIGIN_ASSERTION_KEYS",
        "test:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    ("LEGACY_JWT_SECRETS", "0123456789abcdef0123456789abcdef"),
    (
        "INTERNAL_SERVICE_KEYS",
        "test:0123456789abcdef0123456789abcdef:admin",
    ),
];

/// The variables of each environment, the nameless one (`wrangler deploy` without `--env`) included.
fn environments() -> BTreeMap<String, BTreeMap<String, String>> {
    let document: toml::Table = WRANGLER.parse().unwrap();
    let variables = |table: &toml::Table| -> BTreeMap<String, String> {
        let variables = table["vars"].as_table().unwrap();
        variables
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect()
    };
    let named = document["env"].as_table().unwrap();
    named
        .iter()
        .map(|(name, table)| (name.clone(), variables(table.as_table().unwrap())))
        .chain([(String::new(), variables(&document))])
        .collect()
}

fn with_secrets(mut variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for (name, value) in SECRETS {
        variables.insert(name.to_owned(), value.to_owned());
    }
    variables
}

#[test]
fn names_read_are_the_names_documented() {
    let read = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        None
    };
    let _ = EdgeConfig::read(&lookup);
    let documented = |is: fn(&Variable) -> bool| -> BTreeSet<String> {
        let of_the_edge = VARIABLES
            .iter()
            .filter(|variable| variable.is_read_by(Reads::Edge));
        of_the_edge
            .filter(|variable| is(variable))
            .map(|variable| variable.name.to_owned())
            .collect()
    };
    let variables = documented(|variable| variable.kind != Kind::Binding);
    assert_eq!(read.into_inner(), variables, "shared/src/variables/list.rs");

    let secrets = documented(|variable| variable.kind == Kind::Secret);
    assert_eq!(secrets, SECRETS.map(|(name, _)| name.to_owned()).into());
    for (environment, set) in environments() {
        for name in set.keys() {
            assert!(variables.contains(name), "{name} in [env.{environment}.vars]");
        }
    }
}

/// Bindings are not inherited: those of real deployments are complete, each by the name that the program looks for.
#[test]
fn names_bound_are_the_names_documented() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    let documented: BTreeSet<&str> = VARIABLES
        .iter()
        .filter(|variable| variable.kind == Kind::Binding)
        .map(|variable| variable.name)
        .collect();
    let mut namespaces = BTreeSet::new();
    for environment in ["staging", "production"] {
        let table = &document["env"][environment];
        let list = |value: &'static str, list: &toml::Value| -> Vec<String> {
            let entries = list.as_array().unwrap().iter();
            entries
                .map(|entry| entry[value].as_str().unwrap().to_owned())
                .collect()
        };
        let bound = [
            list("name", &table["ratelimits"]),
            list("name", &table["durable_objects"]["bindings"]),
            list("binding", &table["analytics_engine_datasets"]),
            vec![table["version_metadata"]["binding"].as_str().unwrap().to_owned()],
        ]
        .concat();
        let bound_names: BTreeSet<&str> = bound.iter().map(String::as_str).collect();
        assert_eq!(bound_names, documented, "[env.{environment}]");
        for namespace in list("namespace_id", &table["ratelimits"]) {
            assert!(namespaces.insert(namespace), "one counter for two limits");
        }
    }
    for table in [&document, document["env"]["development"].as_table().unwrap()] {
        assert_eq!(
            table["version_metadata"]["binding"].as_str(),
            Some("CF_VERSION_METADATA")
        );
    }
}

/// A preview or a host name of Cloudflare's is a second way in, and the runtime's own lines record headers and addresses.
#[test]
fn deployments_have_one_door_and_record_no_headers() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    let environments = ["staging", "production"].map(|name| document["env"][name].as_table().unwrap());
    for table in environments.into_iter().chain([&document]) {
        for door in ["workers_dev", "preview_urls"] {
            assert_eq!(table[door].as_bool(), Some(false), "{door}");
        }
        let logs = &table["observability"]["logs"];
        assert_eq!(logs["invocation_logs"].as_bool(), Some(false));
        assert_eq!(logs["enabled"].as_bool(), Some(true));
    }
    for table in environments {
        let route = &table["routes"].as_array().unwrap()[0];
        assert_eq!(route["custom_domain"].as_bool(), Some(true));
        assert!(table.contains_key("placement"));
    }
}

#[test]
fn every_environment_parses() {
    let environments = environments();
    for expected in ["", "development", "staging", "production"] {
        assert!(environments.contains_key(expected), "[env.{expected}] is missing");
    }
    for (name, variables) in environments {
        let config = EdgeConfig::read(&with_secrets(variables))
            .unwrap_or_else(|faults| panic!("[env.{name}.vars]\n{faults}"));
        assert_eq!(config.rollout_faults, None, "[env.{name}.vars]");
    }
}

/// Variables are not inherited: a variable that an environment leaves out silently gets its default there.
#[test]
fn every_environment_names_the_same_variables() {
    let environments = environments();
    let names = |environment: &str| -> Vec<String> {
        let may_differ = |name: &&String| *name != "FIREBASE_AUTH_EMULATOR_HOST";
        environments[environment]
            .keys()
            .filter(may_differ)
            .cloned()
            .collect()
    };
    for environment in ["development", "staging", "production"] {
        assert_eq!(names(environment), names(""), "[env.{environment}.vars]");
    }
}

#[test]
fn no_secret_is_in_the_file() {
    for (environment, variables) in environments() {
        for (secret, _) in SECRETS {
            assert!(
                !variables.contains_key(secret),
                "{secret} in [env.{environment}.vars]"
            );
        }
    }
}

#[test]
fn only_development_believes_the_emulator_and_the_default_moves_nobody() {
    for (name, variables) in environments() {
        let config = EdgeConfig::read(&with_secrets(variables)).unwrap();
        assert_eq!(
            config.tokens.emulator.is_some(),
            name == "development",
            "[env.{name}]"
        );
        if name.is_empty() {
            let facts = shared::routing::Facts {
                purpose: shared::routing::Purpose::Registration,
                email: Some(&shared::ids::NormalizedEmail::parse("a@b.de").unwrap()),
                id: None,
                cookie: None,
                stepped_down: false,
            };
            assert_eq!(
                shared::routing::decide(&facts, &config.rollout).side,
                Side::Legacy
            );
        }
    }
}

/// A Worker cannot read the settings of its bindings, so what it tells callers is written twice.
#[test]
fn announced_limits_equal_the_bindings() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    for (name, variables) in environments() {
        let table = if name.is_empty() {
            &document
        } else {
            document["env"][&name].as_table().unwrap()
        };
        let config = EdgeConfig::read(&with_secrets(variables)).unwrap();
        for limit in Limit::ALL.iter().copied() {
            let bound = table.get("ratelimits").and_then(|limits| {
                let mut limits = limits.as_array().unwrap().iter();
                limits.find(|bound| bound["name"].as_str() == Some(limit.binding()))
            });
            let bound = bound.map(|bound| {
                let number = |field: &str| bound["simple"][field].as_integer().unwrap();
                (number("limit"), number("period"))
            });
            let told = config
                .quotas
                .of(limit)
                .map(|quota| (i64::from(quota.calls), i64::from(quota.seconds)));
            assert_eq!(told, bound, "{limit:?} in [env.{name}]");
        }
    }
}

/// The edge and the origin use the same limits unless an operator changes them.
#[test]
fn production_has_the_usual_limits() {
    let config = EdgeConfig::read(&with_secrets(environments()["production"].clone())).unwrap();
    for limit in Limit::ALL {
        assert_eq!(config.quotas.of(*limit), Some(limit.usual()), "{limit:?}");
    }
}

/// Counters of different environments, and of different kinds of calls, must not share a number.
#[test]
fn every_counter_has_a_number_of_its_own() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    let named = document["env"].as_table().unwrap().values();
    let tables = named.map(|table| table.as_table().unwrap()).chain([&document]);
    let mut numbers: Vec<&str> = tables
        .filter_map(|table| table.get("ratelimits")?.as_array())
        .flatten()
        .map(|limit| limit["namespace_id"].as_str().unwrap())
        .collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

/// Bindings are not inherited: wherever real users are, every public call has a limit.
#[test]
fn public_calls_are_limited_outside_development() {
    let document: toml::Table = WRANGLER.parse().unwrap();
    let bound = |table: &toml::Table| -> Vec<String> {
        let limits = table["ratelimits"].as_array().unwrap();
        limits
            .iter()
            .map(|limit| limit["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let of_an_account = [ACCOUNT_BINDING, ACCOUNT_NETWORK_BINDING];
    let kinds = Limit::ALL.iter().map(|limit| limit.binding());
    let expected: Vec<&str> = kinds.chain(of_an_account).collect();
    assert_eq!(bound(&document), expected);
    for environment in ["staging", "production"] {
        assert_eq!(bound(document["env"][environment].as_table().unwrap()), expected);
    }
}
