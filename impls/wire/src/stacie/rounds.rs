//! How many rounds a password needs (spec/60 §2).

use super::{MAXIMUM_ROUNDS, MAXIMUM_TEXT, MINIMUM_ROUNDS, StacieError};

/// Exponent of the rounds for a password without any character.
const BASE_EXPONENT: u32 = 24;
/// How often a key derivation hashes: between [`MINIMUM_ROUNDS`] and [`MAXIMUM_ROUNDS`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rounds(u32);

impl Rounds {
    /// A number of rounds that was stored or agreed on.
    pub fn new(rounds: u32) -> Result<Self, StacieError> {
        if (MINIMUM_ROUNDS..=MAXIMUM_ROUNDS).contains(&rounds) {
            Ok(Self(rounds))
        } else {
            Err(StacieError::Rounds)
        }
    }

    /// The rounds a password needs, the more the shorter it is, and the site's `bonus` on top
    /// (spec/60 §2). Counted are code points but for those without `Default_Ignorable_Code_Point`.
    pub fn for_password(password: &[u8], bonus: u64) -> Result<Self, StacieError> {
        if password.is_empty() || password.len() > MAXIMUM_TEXT {
            return Err(StacieError::Password);
        }
        let text = std::str::from_utf8(password).map_err(|_| StacieError::Characters)?;
        // Beyond 23 characters nothing changes, so counting may stop there.
        let counted = text.chars().filter(|&c| !is_default_ignorable(c)).take(23);
        let exponent = match counted.count() as u32 {
            0 => return Err(StacieError::Characters),
            characters => BASE_EXPONENT - characters,
        };
        let wanted = (1u64 << exponent).saturating_add(bonus);
        let within = wanted.clamp(MINIMUM_ROUNDS.into(), MAXIMUM_ROUNDS.into());
        Self::new(u32::try_from(within).map_err(|_| StacieError::Rounds)?)
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

fn is_default_ignorable(character: char) -> bool {
    let code = u32::from(character);
    DEFAULT_IGNORABLE
        .iter()
        .any(|&(first, last)| (first..=last).contains(&code))
}

/// First and last code point of every range with `Default_Ignorable_Code_Point`, unassigned ones
/// included: Unicode Character Database 16.0, DerivedCoreProperties.txt, 4174 code points.
const DEFAULT_IGNORABLE: [(u32, u32); 17] = [
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x061c, 0x061c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfff8),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rounds(password: impl AsRef<[u8]>, bonus: u64) -> Result<u32, StacieError> {
        Rounds::for_password(password.as_ref(), bonus).map(Rounds::get)
    }

    #[test]
    fn rounds_follow_the_known_answers() {
        let x = "x".repeat(64);
        assert_eq!(
            (rounds(&x, 0), rounds(&x, 4), rounds(&x, 8)),
            (Ok(8), Ok(8), Ok(10))
        );
        assert_eq!(rounds("password", 0), Ok(65536));
        assert_eq!(rounds("password", 128), Ok(65664));
        assert_eq!(rounds("password", u64::MAX), Ok(MAXIMUM_ROUNDS));
        assert_eq!(rounds("A", 0), Ok(8_388_608));
        assert_eq!(rounds("A", 8_388_607), Ok(16_777_215));
        assert_eq!(rounds("A", 8_388_608), Ok(MAXIMUM_ROUNDS));
        for (hex, expected) in [
            ("70C3A17373776F7264", 65536),
            ("EFBBBF70C3A17373776F7264", 65536),
            ("7465616D6F6D61E1B8BF61", 32768),
            ("636F6E7472617365C3B161", 16384),
            ("E68891E788B1E4BDA0", 2_097_152),
            ("E5B890E58FB7E5AF86E7A081", 1_048_576),
            ("E68891E79A84E4B8ADE69687E5BE97E5BE88E5A5BD", 131_072),
        ] {
            let password = hex::decode(hex).expect("hex");
            assert_eq!(rounds(password, 0), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_not_seen_is_not_counted() {
        assert_eq!(
            rounds("pass\u{200d}word\u{e0061}", 0),
            rounds("password", 0)
        );
        assert_eq!(rounds("\u{feff}\u{2065}", 0), Err(StacieError::Characters));
        assert_eq!(rounds([0xc3, 0x80, 0xc3], 0), Err(StacieError::Characters));
        assert_eq!(rounds("", 0), Err(StacieError::Password));
        let all: u32 = DEFAULT_IGNORABLE
            .iter()
            .map(|(first, last)| last - first + 1)
            .sum();
        assert_eq!(all, 4174);
        assert!(DEFAULT_IGNORABLE.is_sorted_by(|left, right| left.1 < right.0));
    }

    /// What is not counted leaves the rounds of the shortest password, but is hashed in each of them.
    #[test]
    fn what_is_not_counted_does_not_make_a_login_endless() {
        let password = |padding| format!("a{}", "\u{200b}".repeat(padding));
        assert_eq!(rounds(password(21_845), 0), Err(StacieError::Password));
        let longest = password((MAXIMUM_TEXT - 1) / 3);
        let rounds = rounds(&longest, 0).expect("a password within the limit");
        assert_eq!(rounds, 1 << 23);
        assert!(u64::from(rounds) * longest.len() as u64 <= 1 << 33, "8 GiB");
    }

    proptest! {
        #[test]
        fn no_password_needs_rounds_out_of_range(
            password in prop::collection::vec(any::<u8>(), 0..40),
            bonus: u64,
        ) {
            if let Ok(rounds) = Rounds::for_password(&password, bonus) {
                prop_assert!(Rounds::new(rounds.get()).is_ok());
            }
        }
    }
}
