//! The rollout's variables. A variable that cannot be read never moves a user: all sign-ins stay with the legacy service.

use super::{NewUsers, Policy, Users};
use crate::config::{self, Faults, Lookup, Reader};
use crate::rollout::Percentage;

/// Reads the `ROLLOUT_*` variables: the policy, and the faults in them. The edge reads its bindings, an operator's tools read
/// wrangler.toml.
#[must_use]
pub fn read_policy(lookup: &dyn Lookup, legacy_exists: bool) -> (Policy, Option<Faults>) {
    let mut reader = Reader::new(lookup);
    let policy = Policy {
        legacy_exists,
        unreadable: false,
        kill_switch: reader.or("ROLLOUT_KILL_SWITCH", false, config::on_off),
        force_v2: reader.or("ROLLOUT_FORCE_V2", Users::default(), Users::parse),
        force_legacy: reader.or("ROLLOUT_FORCE_LEGACY", Users::default(), Users::parse),
        new_users: reader.or("ROLLOUT_NEW_USERS", NewUsers::default(), NewUsers::parse),
        percentage: percentage(&mut reader),
        group: reader.or("ROLLOUT_GROUP", "auth-v2".to_owned(), group),
    };
    match reader.finish(Some(())) {
        Ok(()) => (policy, None),
        Err(faults) => {
            let policy = Policy {
                legacy_exists,
                unreadable: true,
                ..Policy::all_legacy()
            };
            (policy, Some(faults))
        }
    }
}

/// An empty variable usually counts as not set. Here it is a fault: an operator must write "0 %" and not imply it by a blank.
fn percentage(reader: &mut Reader<'_>) -> Percentage {
    if reader.raw("ROLLOUT_PERCENT").is_some_and(|text| text.is_empty()) {
        reader.fault("ROLLOUT_PERCENT", "is empty");
    }
    reader.or("ROLLOUT_PERCENT", Percentage::NOBODY, Percentage::parse)
}

fn group(text: &str) -> Result<String, &'static str> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if plain && text.len() <= 64 {
        Ok(text.to_owned())
    } else {
        Err("is not at most 64 letters, digits, '.', '-' or '_'")
    }
}
