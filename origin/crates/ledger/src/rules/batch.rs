//! Waiting movements of one user that share a statement.

/// How many movements may share a statement. More would lock the user's row for longer than one caller expects.
pub const MAX_BATCH: usize = 64;

/// How far a list of movements takes the balance from its start, in tokens.
///
/// If `start + lowest` and `start + highest` are legal balances, every balance between is legal too, and no movement of the list is
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excursion {
    /// The change after all of them.
    pub total: i64,
    /// The lowest change at any point, at most 0.
    pub lowest: i64,
    /// The highest change at any point, at least 0.
    pub highest: i64,
}

impl Excursion {
    /// The excursion of `deltas` in their order.
    pub fn of(deltas: impl IntoIterator<Item = i64>) -> Self {
        let start = Self {
            total: 0,
            lowest: 0,
            highest: 0,
        };
        deltas.into_iter().fold(start, |so_far, delta| {
            let total = so_far.total.saturating_add(delta);
            Self {
                total,
                lowest: so_far.lowest.min(total),
                highest: so_far.highest.max(total),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn excursion_covers_every_step() {
        for (deltas, total, lowest, highest) in [
            (&[][..], 0, 0, 0),
            (&[5], 5, 0, 5),
            (&[-5], -5, -5, 0),
            (&[-5, 5], 0, -5, 0),
            (&[3, -5, 10], 8, -2, 8),
        ] {
            let found = Excursion::of(deltas.iter().copied());
            assert_eq!(
                found,
                Excursion {
                    total,
                    lowest,
                    highest
                },
                "{deltas:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn batch_is_legal_exactly_when_every_step_is(
            start in 0i64..=100,
            deltas in prop::collection::vec(-40i64..=40, 0..20),
        ) {
            let limits = 0..=100;
            let mut balance = start;
            let every_step = deltas.iter().all(|delta| { balance += delta; limits.contains(&balance) });
            let found = Excursion::of(deltas.iter().copied());
            let by_excursion = limits.contains(&(start + found.lowest)) && limits.contains(&(start + found.highest));
            prop_assert_eq!(every_step, by_excursion);
        }
    }
}
