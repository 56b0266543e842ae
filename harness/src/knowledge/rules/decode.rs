//! Decode containers: long runs of base64, whose contents may be messages or anything else.
//!
//! Short ones need no decoding, since needles are searched in base64 as well.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::super::graph::{Rule, Slice, Term, TextId};
use super::{Derived, Expansion};

/// Shortest encoded container that is decoded, in characters.
pub const MINIMUM_CONTAINER_BYTES: usize = 1024;
/// How deep containers and messages inside one another are followed.
pub const MAXIMUM_DEPTH: usize = 4;
/// Containers decoded in one text.
const MAXIMUM_CONTAINERS: usize = 256;

impl Expansion<'_> {
    /// Decodes the containers in a text.
    pub(super) fn decode(&mut self, text: TextId, depth: usize) {
        let Some(premise) = self.graph.find(&Term::Text(text)) else {
            return;
        };
        let runs = base64_runs(self.bytes(text));
        if runs.len() > MAXIMUM_CONTAINERS {
            self.graph.truncate("MAXIMUM_CONTAINERS");
        }
        for range in runs.into_iter().take(MAXIMUM_CONTAINERS) {
            let from = Slice { text, range };
            let Some(bytes) = decoded(self.slice(&from)) else {
                continue;
            };
            let message = match text {
                TextId::Derived(index) => self.derived.get(index as usize).and_then(|d| d.message),
                TextId::Observed(_) => None,
            };
            let derived = Derived {
                bytes,
                from: from.clone(),
                message,
                chunk: None,
                depth: depth + 1,
            };
            if let Some((_, term)) = self.derive(derived) {
                self.step(Rule::Decode, vec![premise], term, from);
            }
        }
    }
}

/// Runs of base64 digits, line breaks between them allowed.
fn base64_runs(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = None;
    for (index, byte) in text.iter().enumerate() {
        if is_digit(*byte) {
            start.get_or_insert(index);
        } else if !(matches!(byte, b'\r' | b'\n') && start.is_some())
            && let Some(start) = start.take()
        {
            runs.push(start..index);
        }
    }
    runs.extend(start.map(|start| start..text.len()));
    runs.retain(|run| run.len() >= MINIMUM_CONTAINER_BYTES);
    runs
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

fn decoded(run: &[u8]) -> Option<Vec<u8>> {
    const DIGITS_PER_GROUP: usize = 4;
    let digits: Vec<u8> = run.iter().copied().filter(|byte| is_digit(*byte)).collect();
    let whole = digits.len() / DIGITS_PER_GROUP * DIGITS_PER_GROUP;
    // A rest of less than a group cannot hold anything that its neighbours do not tell.
    let digits = digits.get(..whole)?;
    let url = digits.iter().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if url {
        URL_SAFE_NO_PAD
    } else {
        STANDARD_NO_PAD
    };
    engine.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_base64_is_one_container() {
        let mut text = b"* 1 (".to_vec();
        for _ in 0..20 {
            text.extend_from_slice(&[b'Q'; 64]);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b") x");
        let runs = base64_runs(&text);
        assert_eq!(runs.len(), 1);
        let bytes = runs.first().and_then(|run| decoded(text.get(run.clone())?));
        assert_eq!(bytes.map(|bytes| bytes.len()), Some(20 * 48));
    }

    #[test]
    fn a_short_run_is_no_container() {
        assert!(base64_runs(&[b'Q'; MINIMUM_CONTAINER_BYTES - 1]).is_empty());
    }
}
