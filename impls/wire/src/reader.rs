//! A bounds-checked cursor over untrusted bytes, used by the strict parsers.
//!
//! Every read either yields exactly what was asked for or nothing; the cursor never moves on failure.

/// A cursor that hands out slices of `bytes` from the front.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes consumed so far.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Everything not yet consumed.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..count)?;
        self.offset += count;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.rest().first_chunk::<N>()?;
        self.offset += N;
        Some(*taken)
    }

    /// A big-endian unsigned number of `width` bytes (at most 4).
    pub(crate) fn number(&mut self, width: usize) -> Option<usize> {
        let digits = self.take(width)?;
        Some(
            digits
                .iter()
                .fold(0usize, |value, digit| (value << 8) | usize::from(*digit)),
        )
    }
}

/// The last `N` bytes of the big-endian form of `value`; the caller has checked that they hold it.
pub(crate) fn big_endian<const N: usize>(value: usize) -> [u8; N] {
    let full = (value as u64).to_be_bytes();
    let mut out = [0u8; N];
    for (to, from) in out.iter_mut().rev().zip(full.iter().rev()) {
        *to = *from;
    }
    out
}
