//! How a part that is longer than one chunk's data is split (flag 0x80, spec/30 §3): the one rule that
//! sealing in memory and sealing a stream share.

/// Sizes in bytes of the pieces of `size` bytes of data: as few as possible, all but the last
/// `largest` bytes long, none empty. Nothing for no data; a `largest` of 0 counts as 1.
///
/// Writers use [`super::MAXIMUM_PART`] for `largest` unless they are told to use less.
pub fn pieces(size: u64, largest: usize) -> impl Iterator<Item = usize> + Clone {
    let largest = largest.max(1);
    let mut left = size;
    std::iter::from_fn(move || {
        let piece = usize::try_from(left).map_or(largest, |left| left.min(largest));
        left -= piece as u64;
        (piece > 0).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::MAXIMUM_PART;

    #[test]
    fn a_gibibyte_takes_65_pieces() {
        let sizes: Vec<usize> = pieces(1 << 30, MAXIMUM_PART).collect();
        assert_eq!(sizes.len(), 65);
        assert_eq!(
            sizes.last(),
            Some(&((1 << 30) - 64 * MAXIMUM_PART)),
            "the last takes the rest"
        );
    }

    proptest! {
        #[test]
        fn pieces_are_full_but_for_the_last(size in 0u64..100_000, largest in 0usize..5000) {
            let sizes: Vec<usize> = pieces(size, largest).collect();
            let largest = largest.max(1);
            prop_assert_eq!(sizes.iter().map(|size| *size as u64).sum::<u64>(), size);
            prop_assert_eq!(sizes.len() as u64, size.div_ceil(largest as u64));
            if let Some((last, full)) = sizes.split_last() {
                prop_assert!(full.iter().all(|size| *size == largest));
                prop_assert!((1..=largest).contains(last));
            }
        }
    }
}
