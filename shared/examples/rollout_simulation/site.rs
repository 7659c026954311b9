//! What is played: traffic, and what a release does to it.

use crate::dice::Dice;

/// The share of sign-ins that either side fails by itself.
pub const BASE: f64 = 0.002;
/// How long a rollout is watched, in days.
pub const DAYS: f64 = 30.0;

/// A site, and what is wrong with its release.
pub struct Site {
    /// Sign-ins a second.
    pub traffic: f64,
    /// The additional share of sign-ins that fail at v2.
    pub regression: f64,
    /// The additional share of v2's users who make no call soon after.
    pub without_call: f64,
    /// The share of v2's users who would come back after an hour and do not.
    pub gone: f64,
}

impl Site {
    /// The share of sign-ins that fail at v2.
    pub fn v2_rate(&self) -> f64 {
        BASE + (1.0 - BASE) * self.regression
    }

    /// One interval at `share`: v2's sign-ins, those of them that fail, and how many users the regression harmed.
    pub fn interval(&self, seconds: f64, share: f64, dice: &mut Dice) -> (u32, u32, f64) {
        let requests = dice.poisson(self.traffic * seconds * share);
        let failures = dice.binomial(requests, self.v2_rate());
        let harmed = f64::from(failures) * (1.0 - BASE / self.v2_rate());
        (requests, failures, harmed)
    }
}
