//! Which callers have been counted.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base64url;

const WORDS: usize = 1_024;

/// A bit for each of 65,536 hashes. The more are set, the fewer new callers are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    bits: Box<[u64]>,
    /// How many are set.
    taken: u32,
}

impl Default for Seen {
    fn default() -> Self {
        Self::of(vec![0; WORDS])
    }
}

impl Seen {
    fn of(bits: Vec<u64>) -> Self {
        Self {
            taken: bits.iter().map(|word| word.count_ones()).sum(),
            bits: bits.into_boxed_slice(),
        }
    }

    /// Whether `caller` is seen for the first time.
    pub fn is_new(&mut self, caller: u16) -> bool {
        let bit = 1_u64.wrapping_shl(u32::from(caller.rem_euclid(64)));
        let Some(word) = self.bits.get_mut(usize::from(caller.div_euclid(64))) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        self.taken = self.taken.saturating_add(u32::from(is_new));
        is_new
    }

    /// Whether half of the hashes are taken.
    pub const fn is_crowded(&self) -> bool {
        self.taken >= 32_768
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.bits.iter().copied().flat_map(u64::to_be_bytes).collect();
        serializer.serialize_str(&base64url::encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = base64url::decode(text.as_bytes()).map_err(|_| de::Error::custom("not base64url"))?;
        let (words, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || words.len() != WORDS {
            return Err(de::Error::custom("not 65,536 bits"));
        }
        Ok(Self::of(words.iter().copied().map(u64::from_be_bytes).collect()))
    }
}
