//! Deterministic changes to seeds, for the plain harness: what coverage-guided fuzzers do, without the
//! coverage.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

/// Most doublings of the number of changes made to one input: 1, 2, 4 or 8.
const MAXIMUM_DOUBLINGS: u64 = 3;
/// Texts and numbers that formats are sensitive to.
const WORDS: [&[u8]; 18] = [
    b"\r\n",
    b"\n",
    b"\0",
    b"=",
    b"==",
    b" ",
    b"<>",
    b"[]",
    b"-----END ",
    b"-----BEGIN USER KEY-----\n",
    b"\xff\xff\xff",
    b"\x07\x37",
    b"\x07\x2d",
    b"\x06\xfd",
    b"\x02\x00\x00\x21",
    b"\x1f\x8b\x08\x00",
    b"{250}",
    b"250-",
];

/// An input made from one of `seeds`, at most `longest` bytes.
pub fn input(random: &mut ChaCha20Rng, seeds: &[Vec<u8>], longest: usize) -> Vec<u8> {
    let mut bytes = pick(random, seeds).cloned().unwrap_or_default();
    for _ in 0..1u32 << below(random, MAXIMUM_DOUBLINGS + 1) {
        change(random, &mut bytes, seeds);
    }
    bytes.truncate(longest);
    bytes
}

fn change(random: &mut ChaCha20Rng, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let at = below(random, bytes.len() as u64 + 1) as usize;
    match below(random, 10) {
        0 => flip(random, bytes, at),
        1 => set(bytes, at, random.next_u32() as u8),
        2 => set(bytes, at, 0xff),
        3 => bytes.truncate(at),
        4 => {
            let until = (at + 1 + below(random, 64) as usize).min(bytes.len());
            bytes.drain(at.min(until)..until);
        }
        5 => {
            let until = (at + 1 + below(random, 64) as usize).min(bytes.len());
            let again = bytes.get(at..until).unwrap_or_default().to_vec();
            bytes.splice(at..at, again);
        }
        6 => {
            let word = WORDS.get(below(random, WORDS.len() as u64) as usize);
            bytes.splice(at..at, word.copied().unwrap_or_default().iter().copied());
        }
        7 => length(random, bytes, at),
        8 => {
            let other = pick(random, seeds).cloned().unwrap_or_default();
            let from = below(random, other.len() as u64 + 1) as usize;
            bytes.truncate(at);
            bytes.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        _ => {
            let fresh = below(random, 32) as usize;
            let fresh: Vec<u8> = (0..fresh).map(|_| random.next_u32() as u8).collect();
            bytes.splice(at..at, fresh);
        }
    }
}

/// Adds a little to, or takes a little from, the big-endian number at `at`.
fn length(random: &mut ChaCha20Rng, bytes: &mut [u8], at: usize) {
    let by = below(random, 9).wrapping_sub(4) as u8;
    if let Some(byte) = bytes.get_mut(at) {
        *byte = byte.wrapping_add(by);
    }
}

fn flip(random: &mut ChaCha20Rng, bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << below(random, 8);
    }
}

fn set(bytes: &mut [u8], at: usize, value: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = value;
    }
}

fn pick<'a>(random: &mut ChaCha20Rng, seeds: &'a [Vec<u8>]) -> Option<&'a Vec<u8>> {
    seeds.get(below(random, seeds.len() as u64) as usize)
}

/// A number below `limit`; zero if there is none. Even enough for this.
fn below(random: &mut ChaCha20Rng, limit: u64) -> u64 {
    random.next_u64().checked_rem(limit).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_inputs_within_the_limit() {
        let seeds = [b"one seed".to_vec(), vec![7; 100]];
        let inputs = |seed| {
            let mut random = ChaCha20Rng::seed_from_u64(seed);
            let made = (0..200).map(|_| input(&mut random, &seeds, 64));
            made.collect::<Vec<_>>()
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(1).iter().all(|input| input.len() <= 64));
        assert!(inputs(1).iter().any(|input| !seeds.contains(input)));
    }

    #[test]
    fn nothing_to_begin_from_still_makes_inputs() {
        let mut random = ChaCha20Rng::seed_from_u64(1);
        let made = (0..100).map(|_| input(&mut random, &[], 64));
        assert!(
            made.collect::<Vec<_>>()
                .iter()
                .any(|input| !input.is_empty())
        );
    }
}
