//! How costly a password hash may be.

use shared::config::{self, Reader};
use users::rules::bcrypt_hash::MAX_COST;

/// The cost above which stored password hashes are neither checked nor imported.
pub(super) fn max_cost(reader: &mut Reader<'_>) -> u32 {
    reader.or("BCRYPT_MAX_COST", MAX_COST, |text| {
        config::whole_number(text, 4..=20).map(|number| u32::try_from(number).unwrap_or(MAX_COST))
    })
}
