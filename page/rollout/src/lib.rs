//! The edge's own decision on which side a user signs in, in wasm, for the development page's slider.
#![deny(missing_docs)]

use shared::ids::NormalizedEmail;
use shared::routing::{Facts, Purpose, decide, read_policy};
use wasm_bindgen::prelude::wasm_bindgen;

/// Where a user signs in.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    side: &'static str,
    reason: &'static str,
    bucket: Option<u16>,
}

#[wasm_bindgen]
impl Place {
    /// `v2` or `legacy`, as in `X-Auth-Route`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn side(&self) -> String {
        self.side.to_owned()
    }

    /// Why, as in `X-Auth-Route-Reason`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn reason(&self) -> String {
        self.reason.to_owned()
    }

    /// The user's place in the order in which users move, 0–9,999; nothing without an address.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn bucket(&self) -> Option<u16> {
        self.bucket
    }
}

/// Where the user with this address signs in at `percent` (as `ROLLOUT_PERCENT` is written) of `group`.
#[wasm_bindgen]
#[must_use]
pub fn place(group: &str, percent: &str, email: &str) -> Place {
    let variables = |name: &str| match name {
        "ROLLOUT_GROUP" => Some(group.to_owned()),
        "ROLLOUT_PERCENT" => Some(percent.to_owned()),
        _ => None,
    };
    let (policy, _) = read_policy(&variables, true);
    let email = NormalizedEmail::parse(email).ok();
    let facts = Facts {
        purpose: Purpose::SignIn,
        email: email.as_ref(),
        id: None,
        cookie: None,
        stepped_down: false,
    };
    let decision = decide(&facts, &policy);
    Place {
        side: decision.side.as_str(),
        reason: decision.reason.as_str(),
        bucket: decision.bucket.map(|bucket| bucket.number()),
    }
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn moved_user_stays_moved() {
        let moved = |percent: &str, user: u32| {
            place("auth-v2", percent, &format!("person-{user}@example.com")).side == "v2"
        };
        assert!((0..100).all(|user| !moved("0", user) && moved("100", user)));
        assert!((0..100).all(|user| !moved("30", user) || moved("31.5", user)));
        let half = (0..100).filter(|user| moved("50", *user)).count();
        assert!((30..=70).contains(&half), "{half} of 100");
    }

    #[test]
    fn unreadable_percentage_and_missing_address_stay_at_legacy() {
        let unreadable = place("auth-v2", "half", "ada@example.com");
        assert_eq!((unreadable.side, unreadable.reason), ("legacy", "config_invalid"));
        let nobody = place("auth-v2", "50", "");
        assert_eq!((nobody.side, nobody.bucket), ("legacy", None));
    }
}
