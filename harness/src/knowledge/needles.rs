//! Needles: every form of every value that somebody might learn, and the one pass that finds them.
//!
//! All needles are searched in one pass over every readable buffer: a filter knows the first bytes of
//! each, and a candidate is then compared in full. (An Aho-Corasick automaton over the same needles
//! took longer to build than a four-hop run takes to search, and searched at a quarter of the speed.)
//! Values that are bytes of a letter yield facts, private keys of the world yield keys.

use std::collections::BTreeMap;
use std::ops::Range;

use super::forms::{Aspect, Coding, Form, printable};
use crate::world::{Fact, FactKind, HeldKey};

/// Length of a canary token in characters of base32.
pub const TOKEN_LENGTH: usize = 20;
/// Needles beyond this number are not searched.
pub const MAXIMUM_NEEDLES: usize = 100_000;
/// Shortest needle that is searched, in bytes.
pub const MINIMUM_NEEDLE_BYTES: usize = 5;
/// Shortest coded needle that is searched, in bytes.
pub const MINIMUM_CODED_BYTES: usize = 10;
/// Longest value whose whole text is coded in every form, in bytes.
const MAXIMUM_WHOLE_BYTES: usize = 256;
/// Tokens taken from one value.
const MAXIMUM_TOKENS: usize = 8;
/// Samples taken from a long value that has no token.
const MAXIMUM_SAMPLES: usize = 8;
/// Bytes of such a sample.
const SAMPLE_BYTES: usize = 32;
/// Bits of the filter; with a thousand needles one place in sixty is looked at closer in vain.
const FILTER_BITS: usize = 1 << 16;
/// Characters of a value that a form prints.
const PRINTED_CHARACTERS: usize = 60;

/// What finding a needle teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// The fact with this index.
    Fact(usize),
    /// The private key with this index.
    Key(usize),
}

/// Bytes to look for.
#[derive(Clone, Debug)]
pub(super) struct Needle {
    pub(super) bytes: Vec<u8>,
    /// Compare without regard to the case of ASCII letters.
    folds: bool,
    /// Do not count inside a longer name.
    bounded: bool,
    pub(super) target: Target,
    pub(super) form: Form,
}

/// A needle found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) target: Target,
    pub(super) range: Range<usize>,
    pub(super) needle: usize,
}

/// All needles of a world, ready to be searched.
pub(super) struct Needles {
    needles: Vec<Needle>,
    filter: Filter,
    /// The needles that begin with a window.
    by_window: BTreeMap<Window, Vec<usize>>,
    pub(super) truncated: bool,
}

impl Needles {
    /// Makes all needles. `identifiers` are the public names of an address or domain: what they are
    /// and their bytes.
    pub(super) fn new(
        facts: &[Fact],
        keys: &[HeldKey],
        identifiers: &BTreeMap<String, Vec<(&'static str, Vec<u8>)>>,
    ) -> Self {
        let mut needles = Vec::new();
        for (index, fact) in facts.iter().enumerate() {
            let known = std::str::from_utf8(&fact.value)
                .ok()
                .and_then(|name| identifiers.get(name));
            let mut forms = Forms::new(Target::Fact(index), &mut needles);
            forms.of_fact(fact, known.map_or(&[][..], Vec::as_slice));
        }
        for (index, key) in keys.iter().enumerate() {
            Forms::new(Target::Key(index), &mut needles).of_key(key);
        }
        let truncated = needles.len() > MAXIMUM_NEEDLES;
        needles.truncate(MAXIMUM_NEEDLES);
        Self::index(needles, truncated)
    }

    /// The needle a hit found.
    pub(super) fn get(&self, hit: &Hit) -> Option<&Needle> {
        self.needles.get(hit.needle)
    }

    /// Every needle in `text`, by target and place. Of hits of one target that lie inside one
    /// another only the longest is kept.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut window = Window::default();
        for (last, byte) in text.iter().enumerate() {
            window = window.followed_by(*byte);
            let start = last.checked_sub(Window::BYTES - 1);
            let Some(start) = start.filter(|_| self.filter.may_hold(window)) else {
                continue;
            };
            for index in self.by_window.get(&window).into_iter().flatten() {
                let needle = self.needles.get(*index);
                if let Some(needle) = needle.filter(|needle| needle.stands_at(text, start)) {
                    hits.push(Hit {
                        target: needle.target,
                        range: start..start + needle.bytes.len(),
                        needle: *index,
                    });
                }
            }
        }
        without_nested(hits)
    }

    fn index(needles: Vec<Needle>, truncated: bool) -> Self {
        let mut filter = Filter::default();
        let mut by_window: BTreeMap<Window, Vec<usize>> = BTreeMap::new();
        for (index, needle) in needles.iter().enumerate() {
            let first = needle.bytes.iter().take(Window::BYTES);
            let window = first.fold(Window::default(), |window, byte| window.followed_by(*byte));
            filter.add(window);
            by_window.entry(window).or_default().push(index);
        }
        Self {
            needles,
            filter,
            by_window,
            truncated,
        }
    }
}

/// Four bytes of text in a row, upper and lower case not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Window(u32);

impl Window {
    /// Its length; no needle is shorter.
    const BYTES: usize = 4;
    /// The bit in which upper and lower case differ. Some other bytes become alike, too, which
    /// costs a comparison and nothing else.
    const CASE: u8 = 0x20;

    fn followed_by(self, byte: u8) -> Self {
        Self(self.0 << 8 | u32::from(byte | Self::CASE))
    }

    fn bit(self) -> (usize, u64) {
        const ODD: u32 = 0x9e37_79b1;
        let hash = self.0.wrapping_mul(ODD) >> 16;
        (hash as usize / 64, 1 << (hash % 64))
    }
}

/// A set of windows that may hold more than was put in.
struct Filter(Vec<u64>);

impl Default for Filter {
    fn default() -> Self {
        Self(vec![0; FILTER_BITS / 64])
    }
}

impl Filter {
    fn add(&mut self, window: Window) {
        let (word, bit) = window.bit();
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_hold(&self, window: Window) -> bool {
        let (word, bit) = window.bit();
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}

impl Needle {
    fn stands_at(&self, text: &[u8], start: usize) -> bool {
        let Some(found) = start
            .checked_add(self.bytes.len())
            .and_then(|end| text.get(start..end))
        else {
            return false;
        };
        let same = if self.folds {
            found.eq_ignore_ascii_case(&self.bytes)
        } else {
            found == self.bytes
        };
        same && (!self.bounded || stands_alone(text, start, start + self.bytes.len()))
    }
}

/// Makes the needles of one target.
struct Forms<'a> {
    target: Target,
    out: &'a mut Vec<Needle>,
    bounded: bool,
}

impl<'a> Forms<'a> {
    fn new(target: Target, out: &'a mut Vec<Needle>) -> Self {
        Self {
            target,
            out,
            bounded: false,
        }
    }

    fn of_fact(&mut self, fact: &Fact, identifiers: &[(&'static str, Vec<u8>)]) {
        match fact.kind {
            // Told by the ends of connections, not by text.
            FactKind::AuthorHost | FactKind::RecipientHost => {}
            FactKind::Origin | FactKind::Destination => self.of_domain(&fact.value),
            _ => self.of_text(&fact.value, identifiers),
        }
    }

    fn of_domain(&mut self, value: &[u8]) {
        self.bounded = true;
        self.push(Aspect::Whole, value, &[]);
        self.bounded = false;
        self.push(Aspect::Whole, value, &[Coding::DnsLabels]);
        self.simple_codings(Aspect::Whole, value);
    }

    fn of_text(&mut self, value: &[u8], identifiers: &[(&'static str, Vec<u8>)]) {
        let parts = telling_parts(value);
        if value.len() <= MAXIMUM_WHOLE_BYTES {
            self.push(Aspect::Whole, value, &[]);
            self.simple_codings(Aspect::Whole, value);
        }
        for part in &parts {
            self.push(Aspect::Part, part, &[]);
            self.simple_codings(Aspect::Part, part);
            self.double_codings(part);
        }
        self.digests(Aspect::Whole, value);
        for part in &parts {
            self.digests(Aspect::Part, part);
        }
        for wrapped in wrapped(value) {
            self.digests(Aspect::Part, &wrapped);
        }
        for recased in [value.to_ascii_lowercase(), value.to_ascii_uppercase()] {
            if recased != value {
                self.digests(Aspect::Recased, &recased);
            }
        }
        for (what, bytes) in identifiers {
            self.identifier(what, value, bytes);
        }
    }

    fn of_key(&mut self, key: &HeldKey) {
        let scalar = key.keys.encryption.to_bytes();
        let seed = key.keys.signing.seed();
        for secret in [scalar.as_slice(), seed.as_slice()] {
            let text = key.label.as_str();
            let aspect = Aspect::Identifier("private key");
            self.push_as(aspect.clone(), secret, &[], text, false);
            self.push_as(aspect.clone(), secret, &[Coding::Hex], text, false);
            for coding in Coding::BASE64 {
                self.push_as(aspect.clone(), secret, &[coding], text, false);
            }
        }
    }

    fn simple_codings(&mut self, aspect: Aspect, value: &[u8]) {
        let single = [
            Coding::Hex,
            Coding::QuotedPrintable,
            Coding::Percent,
            Coding::Utf16,
        ];
        for coding in single {
            self.push(aspect.clone(), value, &[coding]);
        }
        self.base64(&aspect, value, &[]);
    }

    /// Two codings, one inside the other.
    fn double_codings(&mut self, value: &[u8]) {
        let inner = Coding::BASE64
            .into_iter()
            .chain([Coding::Hex, Coding::Utf16]);
        for first in inner {
            self.push(Aspect::Part, value, &[first, Coding::Hex]);
            self.base64(&Aspect::Part, value, &[first]);
        }
    }

    fn digests(&mut self, aspect: Aspect, value: &[u8]) {
        for digest in [Coding::Sha256, Coding::Sha512] {
            self.push(aspect.clone(), value, &[digest]);
            self.push(aspect.clone(), value, &[digest, Coding::Hex]);
            self.base64(&aspect, value, &[digest]);
        }
    }

    fn identifier(&mut self, what: &'static str, value: &[u8], bytes: &[u8]) {
        let text = printable(value, PRINTED_CHARACTERS);
        let aspect = Aspect::Identifier(what);
        self.push_as(aspect.clone(), bytes, &[], &text, false);
        self.push_as(aspect.clone(), bytes, &[Coding::Hex], &text, false);
        for coding in Coding::BASE64 {
            self.push_as(aspect.clone(), bytes, &[coding], &text, false);
        }
    }

    /// Base64 at all phases over `inner`; the URL alphabet only where it differs.
    fn base64(&mut self, aspect: &Aspect, value: &[u8], inner: &[Coding]) {
        for (standard, url) in Coding::BASE64.into_iter().zip(Coding::BASE64_URL) {
            let text = printable(value, PRINTED_CHARACTERS);
            let outer = |last: Coding| inner.iter().copied().chain([last]).collect::<Vec<_>>();
            let coded = apply_all(value, &outer(standard));
            let differs = coded.iter().any(|digit| matches!(digit, b'+' | b'/'));
            self.push_as(aspect.clone(), value, &outer(standard), &text, false);
            if differs {
                self.push_as(aspect.clone(), value, &outer(url), &text, false);
            }
        }
    }

    fn push(&mut self, aspect: Aspect, value: &[u8], codings: &[Coding]) {
        let text = printable(value, PRINTED_CHARACTERS);
        self.push_as(aspect, value, codings, &text, true);
    }

    fn push_as(
        &mut self,
        aspect: Aspect,
        value: &[u8],
        codings: &[Coding],
        text: &str,
        folds: bool,
    ) {
        let bytes = apply_all(value, codings);
        let minimum = if codings.is_empty() {
            MINIMUM_NEEDLE_BYTES
        } else {
            MINIMUM_CODED_BYTES
        };
        if bytes.len() < minimum {
            return;
        }
        self.out.push(Needle {
            bytes,
            folds: codings
                .iter()
                .fold(folds, |folds, coding| coding.folds(folds)),
            bounded: self.bounded,
            target: self.target,
            form: Form {
                aspect,
                codings: codings.to_vec(),
                text: text.to_owned(),
            },
        });
    }
}

/// The tokens of a value, that is, its runs of base32 characters of a token's length; if it has
/// none, the local part of an address, or samples of a long text.
pub(super) fn telling_parts(value: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for run in value.split(|byte| !matches!(byte, b'a'..=b'z' | b'2'..=b'7')) {
        if run.len() >= TOKEN_LENGTH && tokens.len() < MAXIMUM_TOKENS {
            let run = run.to_vec();
            if run != value && !tokens.contains(&run) {
                tokens.push(run);
            }
        }
    }
    if !tokens.is_empty() {
        return tokens;
    }
    if value.len() > MAXIMUM_WHOLE_BYTES {
        let stride = (value.len() / MAXIMUM_SAMPLES).max(SAMPLE_BYTES);
        let samples = value.chunks(stride).take(MAXIMUM_SAMPLES);
        return samples
            .filter_map(|chunk| chunk.get(..SAMPLE_BYTES).map(<[u8]>::to_vec))
            .collect();
    }
    let local = value.split(|byte| *byte == b'@').next();
    local
        .filter(|local| local.len() < value.len() && local.len() >= MINIMUM_CODED_BYTES)
        .map(<[u8]>::to_vec)
        .into_iter()
        .collect()
}

/// A short value with what often stands around it when somebody hashes it.
fn wrapped(value: &[u8]) -> Vec<Vec<u8>> {
    if value.len() > MAXIMUM_WHOLE_BYTES {
        return Vec::new();
    }
    let with = |before: &[u8], after: &[u8]| [before, value, after].concat();
    vec![with(b"<", b">"), with(b"", b"\n"), with(b"", b"\r\n")]
}

fn apply_all(value: &[u8], codings: &[Coding]) -> Vec<u8> {
    codings
        .iter()
        .fold(value.to_vec(), |bytes, coding| coding.apply(&bytes))
}

fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let before = start.checked_sub(1).and_then(|index| text.get(index));
    !before.is_some_and(of_name) && !text.get(end).is_some_and(of_name)
}

/// Drops hits that lie inside a longer one of the same target, and of equal ones all but the first.
fn without_nested(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| {
        (a.target, a.range.start)
            .cmp(&(b.target, b.range.start))
            .then(b.range.end.cmp(&a.range.end))
            .then(a.needle.cmp(&b.needle))
    });
    let mut kept: Vec<Hit> = Vec::new();
    for hit in hits {
        let nested = kept
            .last()
            .is_some_and(|last| last.target == hit.target && hit.range.end <= last.range.end);
        if !nested {
            kept.push(hit);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBJECT: &[u8] = b"figures abcdefghijklmnopqrst";

    fn needles() -> Needles {
        let fact = |kind, value: &[u8]| Fact {
            letter: 0,
            kind,
            value: value.to_vec(),
            strength: 100,
        };
        let facts = [
            fact(FactKind::Subject, SUBJECT),
            fact(FactKind::Origin, b"alpha.example"),
        ];
        Needles::new(&facts, &[], &BTreeMap::new())
    }

    fn found(text: &[u8]) -> Vec<(Target, Range<usize>)> {
        let hits = needles().find(text);
        hits.into_iter()
            .map(|hit| (hit.target, hit.range))
            .collect()
    }

    #[test]
    fn the_longest_of_nested_hits_is_kept() {
        let text = [b"Subject: ".as_slice(), SUBJECT, b"\r\n"].concat();
        assert_eq!(found(&text), [(Target::Fact(0), 9..9 + SUBJECT.len())]);
    }

    #[test]
    fn a_domain_inside_a_longer_name_is_another_domain() {
        assert_eq!(found(b"mx.alpha.example."), [(Target::Fact(1), 3..16)]);
        assert_eq!(found(b"notalpha.example"), []);
        assert_eq!(found(b"alpha.example-2"), []);
    }

    #[test]
    fn base64_does_not_fold_case_and_text_does() {
        let coded = Coding::BASE64.map(|coding| coding.apply(SUBJECT));
        for bytes in &coded {
            assert_eq!(found(bytes).len(), 1);
            assert_eq!(found(&bytes.to_ascii_lowercase()), []);
        }
        assert_eq!(found(&SUBJECT.to_ascii_uppercase()).len(), 1);
    }

    proptest! {
        #[test]
        fn every_needle_is_found_wherever_it_stands(
            choice in any::<prop::sample::Index>(),
            before in prop::collection::vec(any::<u8>(), 0..40),
            after in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let needles = needles();
            let needle = choice.get(&needles.needles);
            // A digit next to a name would make it another name.
            let text = [before.as_slice(), b" ", &needle.bytes, b" ", &after].concat();
            let at = before.len() + 1;
            let end = at + needle.bytes.len();
            let covers = |hit: &Hit| hit.range.start <= at && end <= hit.range.end;
            let hits = needles.find(&text);
            prop_assert!(hits.iter().any(|hit| hit.target == needle.target && covers(hit)));
        }

        #[test]
        fn noise_holds_no_needle(text in prop::collection::vec(any::<u8>(), 0..2000)) {
            prop_assert_eq!(found(&text), []);
        }
    }
}
