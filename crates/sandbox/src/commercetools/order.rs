//! Ids and their order.
//!
//! The platform keeps a UUID as two 8-byte halves, each reversed, and sorts and compares ids by those bytes. That is
//! not the order of the printed text. [`Id`] holds the stored bytes, so that the derived order is the platform's order,
//! and a client that assumes string order fails here as on the platform. Certainty: the order is from one public guide;
//! the same order for `id > "…"` is inferred.

use std::fmt;

/// A resource id in stored form; its `Ord` is the platform's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id([u8; 16]);

impl Id {
    /// The lowest id.
    pub(crate) const FIRST: Self = Self([0; 16]);
    /// The highest id.
    pub(crate) const LAST: Self = Self([0xff; 16]);

    /// The id of `key` among resources of `kind`: the same in every run.
    pub(crate) fn of(kind: &str, key: &str) -> Self {
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        for byte in kind.bytes().chain([0]).chain(key.bytes()) {
            hash ^= u128::from(byte);
            hash = hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        let (high, low) = halves(hash);
        let mixed = join(scramble(high ^ low.rotate_left(29)), scramble(low ^ high.rotate_left(17)));
        // Version 4, variant 1: what the platform's own ids look like.
        let version = mixed & !(0xf_u128 << 76) | (0x4_u128 << 76);
        Self::from_u128(version & !(0x3_u128 << 62) | (0x2_u128 << 62))
    }

    /// Reads the printed form (8-4-4-4-12 hex digits). `None` when `text` is anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 36 {
            return None;
        }
        let mut number = 0_u128;
        for (place, byte) in text.bytes().enumerate() {
            if matches!(place, 8 | 13 | 18 | 23) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16)?;
            number = number << 4 | u128::from(digit);
        }
        Some(Self::from_u128(number))
    }

    fn from_u128(number: u128) -> Self {
        let (high, low) = halves(number);
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(high.to_le_bytes().into_iter().chain(low.to_le_bytes())) {
            *to = from;
        }
        Self(bytes)
    }

    fn to_u128(self) -> u128 {
        self.0
            .iter()
            .take(8)
            .rev()
            .chain(self.0.iter().skip(8).rev())
            .fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

fn halves(number: u128) -> (u64, u64) {
    #[expect(clippy::cast_possible_truncation, reason = "each half is taken on purpose")]
    let parts = ((number >> 64) as u64, number as u64);
    parts
}

fn join(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// The finaliser of SplitMix64: spreads every input bit over the word.
pub(crate) fn scramble(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.to_u128();
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            number >> 96,
            number >> 80 & 0xffff,
            number >> 64 & 0xffff,
            number >> 48 & 0xffff,
            number & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn the_example_of_the_guide_is_stored_with_each_half_reversed() {
        let id = Id::parse("00010203-0405-4007-8009-0a0b0c0d0e0f").unwrap();
        assert_eq!(
            id.0,
            [0x07, 0x40, 0x05, 0x04, 0x03, 0x02, 0x01, 0x00, 0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a, 0x09, 0x80]
        );
        assert_eq!(id.to_string(), "00010203-0405-4007-8009-0a0b0c0d0e0f");
    }

    #[test]
    fn stored_order_differs_from_string_order() {
        let early = Id::parse("ffffffff-ffff-4000-8000-000000000000").unwrap();
        let late = Id::parse("00000000-0000-4001-8000-000000000000").unwrap();
        assert!(early < late && early.to_string() > late.to_string());
    }

    #[test]
    fn ids_come_from_the_key_and_look_like_version_four() {
        let id = Id::of("product", "shirt").to_string();
        assert_eq!(id, Id::of("product", "shirt").to_string());
        assert_ne!(id, Id::of("product", "shirt2").to_string());
        assert_ne!(id, Id::of("category", "shirt").to_string());
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
        assert_eq!(Id::parse(&id).unwrap().to_string(), id);
        assert!(Id::parse("shirt").is_none());
        assert!(Id::parse("00010203x0405-4007-8009-0a0b0c0d0e0f").is_none());
    }
}
