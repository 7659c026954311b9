//! A bet spread over several alternatives to one claim.

use serde::{Deserialize, Serialize};

/// The logarithm of each part of the stake. The whole began as 1, in equal parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bet {
    parts: Vec<f64>,
}

/// Beyond this a part neither grows nor shrinks. It is far from every threshold, and later evidence still counts.
const FAR: f64 = 600.0;

impl Bet {
    /// A stake of one in `parts` equal parts.
    pub fn even(parts: usize) -> Self {
        let part = -(u32::try_from(parts).map_or(1.0, f64::from)).ln();
        Self {
            parts: vec![part; parts],
        }
    }

    /// One in several stakes, each of them in equal `parts`.
    pub fn in_stakes<const N: usize>(stakes: [f64; N], parts: usize) -> Self {
        let one = Self::even(parts).parts;
        let share = |stake: f64| one.iter().map(move |part| part + stake.ln());
        Self {
            parts: stakes.into_iter().flat_map(share).collect(),
        }
    }

    /// Over how many parts it is spread.
    pub const fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Puts a new `stake` in place of the last `parts`, whatever has become of them.
    pub fn restake(&mut self, stake: f64, parts: usize) {
        let kept = self.parts.len().saturating_sub(parts);
        self.parts.truncate(kept);
        self.parts.extend(Self::in_stakes([stake], parts).parts);
    }

    /// Multiplies the part on each alternative by its likelihood ratio, given as a logarithm; in each stake.
    pub fn place<const N: usize>(&mut self, alternatives: [f64; N], evidence: impl Fn(f64) -> f64) {
        for (part, alternative) in self.parts.iter_mut().zip(alternatives.into_iter().cycle()) {
            let moved = *part + evidence(alternative);
            if moved.is_finite() {
                *part = moved.clamp(-FAR, FAR);
            }
        }
    }

    /// The present value of the stake.
    pub fn wealth(&self) -> f64 {
        self.parts.iter().map(|part| part.exp()).sum()
    }

    /// Raises each part to its share of the stake. The whole then sees a change for the worse however long all was well before it (a
    /// mixture of CUSUM statistics). Returns whether nothing has been won.
    pub fn refill(&mut self) -> bool {
        let share = Self::even(self.parts.len()).parts;
        let mut nothing_won = true;
        for (part, share) in self.parts.iter_mut().zip(share) {
            nothing_won &= *part <= share;
            *part = part.max(share);
        }
        nothing_won
    }
}
