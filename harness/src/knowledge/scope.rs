//! Scope: which letter bytes belong to.
//!
//! An address is no secret by itself; only its relation to a letter is. A value found somewhere
//! counts as knowledge of a letter's fact only if the place is tied to that letter.

use std::collections::{BTreeMap, BTreeSet};

use dime::platform::Tick;

use crate::ledger::{Buffer, BufferId, ChannelId, ChannelKind};
use crate::world::{Fact, FactKind, Principal};

use super::Given;
use super::graph::{Slice, TextId, Tie};
use super::needles::{Hit, Needles, TOKEN_LENGTH, Target, telling_parts};
use super::rules::Expansion;

/// Strength in bits from which a value that stands in one letter only needs no other tie.
pub const UNIQUE_STRENGTH_BITS: u32 = 64;

/// Type of the chunk in which the author stands.
const ORIGIN_CHUNK: u8 = 4;
/// Type of the chunk in which the recipient stands.
const DESTINATION_CHUNK: u8 = 5;

/// Which letters messages, connections and moments belong to.
pub(super) struct Scope {
    /// The letters of each message.
    letters_of: Vec<BTreeSet<usize>>,
    /// The letters whose messages passed on a connection.
    on_channel: BTreeMap<ChannelId, BTreeSet<usize>>,
    /// The letters whose own contents stand in a record of a store, screen or file, by its begin.
    in_record: BTreeMap<(BufferId, usize), BTreeSet<usize>>,
    /// When each letter was on its way, as far as bytes tell.
    flights: BTreeMap<usize, (Tick, Tick)>,
    /// For each fact, all letters that have its value in some fact.
    sharing: Vec<BTreeSet<usize>>,
    /// For each fact, whether its value stands in its letter only and is hard to hit by chance.
    unique: Vec<bool>,
}

impl Scope {
    /// Works out the scope from what was found in each text.
    pub(super) fn new(expansion: &Expansion<'_>, found: &BTreeMap<TextId, Vec<Hit>>) -> Self {
        let facts = expansion.given.facts;
        let sharing: Vec<BTreeSet<usize>> = facts.iter().map(|fact| sharing(facts, fact)).collect();
        let unique = facts
            .iter()
            .zip(&sharing)
            .map(|(fact, sharing)| sharing.len() == 1 && is_content(fact.kind) && is_strong(fact))
            .collect();
        let mut scope = Self {
            letters_of: vec![BTreeSet::new(); expansion.message_count()],
            on_channel: BTreeMap::new(),
            in_record: BTreeMap::new(),
            flights: BTreeMap::new(),
            sharing,
            unique,
        };
        scope.identify(expansion, found);
        scope.follow(expansion, found);
        scope
    }

    /// Why the bytes at `place` concern the letter of fact `index`; nothing if they do not.
    pub(super) fn tie(
        &self,
        expansion: &Expansion<'_>,
        place: &Slice,
        index: usize,
    ) -> Option<Tie> {
        let fact = expansion.given.facts.get(index)?;
        let TextId::Observed(buffer) = place.text else {
            return self.tie_of_derived(expansion, place, index, fact);
        };
        let inside = expansion.copies.iter().any(|copy| {
            copy.at.text == place.text
                && copy.at.range.start <= place.range.start
                && place.range.end <= copy.at.range.end
                && self.is_of(copy.message, fact.letter)
        });
        if inside {
            return Some(Tie::Message);
        }
        if self.unique.get(index) == Some(&true) {
            return Some(Tie::Unique);
        }
        let bytes = buffer_of(expansion, buffer)?;
        match channel_kind(expansion, bytes.channel)? {
            ChannelKind::Stream { .. } => {
                if self.carries(bytes.channel, fact.letter) {
                    return Some(Tie::Connection);
                }
                // A bare domain name on an unrelated connection says nothing about a letter.
                if is_domain(fact.kind) {
                    return None;
                }
            }
            ChannelKind::Datagrams { .. } => {}
            ChannelKind::Store { .. } | ChannelKind::Screen { .. } | ChannelKind::File { .. } => {
                let record = record_at(bytes, place.range.start);
                let owners = self.in_record.get(&(buffer, record.start));
                let together = expansion.copies.iter().any(|copy| {
                    copy.at.text == place.text
                        && record.contains(&copy.at.range.start)
                        && self.is_of(copy.message, fact.letter)
                });
                if together || owners.is_some_and(|owners| owners.contains(&fact.letter)) {
                    return Some(Tie::Record);
                }
                // What was kept or typed together with another letter's contents is that letter's.
                if owners.is_some() {
                    return None;
                }
            }
        }
        self.tie_by_time(time_at(bytes, place.range.start), index, fact)
    }

    /// The letters whose messages passed on a channel.
    pub(super) fn letters_on(&self, channel: ChannelId) -> impl Iterator<Item = usize> + '_ {
        self.on_channel.get(&channel).into_iter().flatten().copied()
    }

    /// The letters of a message.
    pub(super) fn letters_of(&self, message: usize) -> impl Iterator<Item = usize> + '_ {
        self.letters_of.get(message).into_iter().flatten().copied()
    }

    /// The letters that were on their way at a moment.
    pub(super) fn in_flight(&self, at: Tick) -> BTreeSet<usize> {
        let flying = self
            .flights
            .iter()
            .filter(|(_, (first, last))| *first <= at && at <= *last);
        flying.map(|(letter, _)| *letter).collect()
    }

    fn is_of(&self, message: usize, letter: usize) -> bool {
        self.letters_of
            .get(message)
            .is_some_and(|letters| letters.contains(&letter))
    }

    fn carries(&self, channel: ChannelId, letter: usize) -> bool {
        self.on_channel
            .get(&channel)
            .is_some_and(|letters| letters.contains(&letter))
    }

    fn tie_of_derived(
        &self,
        expansion: &Expansion<'_>,
        place: &Slice,
        index: usize,
        fact: &Fact,
    ) -> Option<Tie> {
        let TextId::Derived(text) = place.text else {
            return None;
        };
        let derived = expansion.derived.get(text as usize)?;
        let Some(message) = derived.message else {
            return self.tie(expansion, &derived.from, index);
        };
        if self.is_of(message, fact.letter) {
            return Some(Tie::Message);
        }
        if self.unique.get(index) == Some(&true) {
            return Some(Tie::Unique);
        }
        // Inside another letter's message the value is that letter's.
        if self.letters_of(message).next().is_some() {
            return None;
        }
        Some(self.among(self.sharing.get(index)?.clone(), fact.letter))
    }

    fn tie_by_time(&self, at: Tick, index: usize, fact: &Fact) -> Option<Tie> {
        let flying = self.in_flight(at);
        if !flying.contains(&fact.letter) {
            return None;
        }
        if is_domain(fact.kind) {
            let alone = flying.len() == 1;
            return alone.then_some(Tie::Flight);
        }
        let candidates = self.sharing.get(index)?;
        Some(self.among(
            candidates.intersection(&flying).copied().collect(),
            fact.letter,
        ))
    }

    fn among(&self, candidates: BTreeSet<usize>, letter: usize) -> Tie {
        if candidates.iter().any(|candidate| *candidate != letter) {
            Tie::Undecided(candidates.into_iter().collect())
        } else {
            Tie::Flight
        }
    }

    /// A message is the letter's whose own contents stand in its decrypted chunks and whose author
    /// and recipient stand in its envelope. If no letter has both, as when contents are quoted or
    /// recorded elsewhere, the contents decide, and failing these the envelope.
    fn identify(&mut self, expansion: &Expansion<'_>, found: &BTreeMap<TextId, Vec<Hit>>) {
        let mut by_contents = vec![BTreeSet::new(); self.letters_of.len()];
        let mut authors = by_contents.clone();
        let mut recipients = by_contents.clone();
        for (text, hit) in hits_in(found) {
            let (TextId::Derived(derived), Target::Fact(index)) = (text, hit.target) else {
                continue;
            };
            let derived = expansion.derived.get(derived as usize);
            let message = derived.and_then(|derived| derived.message);
            let fact = expansion.given.facts.get(index);
            let Some((message, fact)) = message.zip(fact) else {
                continue;
            };
            let letters = match (fact.kind, derived.and_then(|derived| derived.chunk)) {
                (FactKind::Author, Some(ORIGIN_CHUNK)) => &mut authors,
                (FactKind::Recipient, Some(DESTINATION_CHUNK)) => &mut recipients,
                _ if self.unique.get(index) == Some(&true) => &mut by_contents,
                _ => continue,
            };
            if let Some(letters) = letters.get_mut(message) {
                letters.insert(fact.letter);
            }
        }
        let envelopes = authors.iter().zip(&recipients);
        let evidence = by_contents.into_iter().zip(envelopes);
        for (letters, (contents, (authors, recipients))) in self.letters_of.iter_mut().zip(evidence)
        {
            let envelope: BTreeSet<usize> = authors.intersection(recipients).copied().collect();
            let both: BTreeSet<usize> = contents.intersection(&envelope).copied().collect();
            let ranked = [both, contents, envelope].into_iter();
            *letters = ranked
                .into_iter()
                .find(|letters| !letters.is_empty())
                .unwrap_or_default();
        }
    }

    /// Follows the letters over connections and through time.
    fn follow(&mut self, expansion: &Expansion<'_>, found: &BTreeMap<TextId, Vec<Hit>>) {
        for copy in &expansion.copies {
            let Some(buffer) = observed(expansion, &copy.at) else {
                continue;
            };
            let letters: Vec<usize> = self.letters_of(copy.message).collect();
            for letter in letters {
                if let Some(ChannelKind::Stream { .. }) = channel_kind(expansion, buffer.channel) {
                    self.on_channel
                        .entry(buffer.channel)
                        .or_default()
                        .insert(letter);
                }
                self.seen(letter, time_at(buffer, copy.at.range.start));
                self.seen(letter, time_at(buffer, copy.at.range.end.saturating_sub(1)));
            }
        }
        for (text, hit) in hits_in(found) {
            let Target::Fact(index) = hit.target else {
                continue;
            };
            let place = Slice {
                text,
                range: hit.range.clone(),
            };
            if self.unique.get(index) == Some(&true)
                && let Some(buffer) = observed(expansion, &place)
                && let Some(fact) = expansion.given.facts.get(index)
            {
                self.seen(fact.letter, time_at(buffer, hit.range.start));
                if let TextId::Observed(id) = place.text {
                    let begin = record_at(buffer, hit.range.start).start;
                    let owners = self.in_record.entry((id, begin)).or_default();
                    owners.insert(fact.letter);
                }
            }
        }
        // With one letter in the world, everything happens for its sake.
        if let [_] = expansion.given.letters
            && self.flights.contains_key(&0)
        {
            self.flights.insert(0, (Tick(0), Tick(u64::MAX)));
        }
    }

    fn seen(&mut self, letter: usize, at: Tick) {
        let flight = self.flights.entry(letter).or_insert((at, at));
        *flight = (flight.0.min(at), flight.1.max(at));
    }
}

/// Searches every text once.
pub(super) fn search(expansion: &Expansion<'_>, needles: &Needles) -> BTreeMap<TextId, Vec<Hit>> {
    expansion
        .texts()
        .into_iter()
        .map(|text| (text, needles.find(expansion.bytes(text))))
        .filter(|(_, hits)| !hits.is_empty())
        .collect()
}

/// Whose account a fact's value is: the organization of an address holds its users' addresses
/// rightly, whatever letters there are.
pub(super) fn account_of(given: &Given<'_>, index: usize) -> Option<Principal> {
    let fact = given.facts.get(index)?;
    if !matches!(fact.kind, FactKind::Author | FactKind::Recipient) {
        return None;
    }
    let address = std::str::from_utf8(&fact.value).ok()?;
    let (_, domain) = address.split_once('@')?;
    Some(Principal::Organization(domain.to_owned()))
}

/// When the byte at `offset` of a buffer was written.
pub(super) fn time_at(buffer: &Buffer, offset: usize) -> Tick {
    let after = buffer.marks.partition_point(|mark| mark.offset <= offset);
    let mark = after
        .checked_sub(1)
        .and_then(|index| buffer.marks.get(index));
    mark.map_or(Tick(0), |mark| mark.at)
}

/// The write that the byte at `offset` of a buffer belongs to.
pub(super) fn record_at(buffer: &Buffer, offset: usize) -> std::ops::Range<usize> {
    let after = buffer.marks.partition_point(|mark| mark.offset <= offset);
    let mark = after
        .checked_sub(1)
        .and_then(|index| buffer.marks.get(index));
    let start = mark.map_or(0, |mark| mark.offset);
    let end = buffer
        .marks
        .get(after)
        .map_or(buffer.bytes.len(), |mark| mark.offset);
    start..end
}

fn hits_in(found: &BTreeMap<TextId, Vec<Hit>>) -> impl Iterator<Item = (TextId, &Hit)> {
    found
        .iter()
        .flat_map(|(text, hits)| hits.iter().map(|hit| (*text, hit)))
}

fn observed<'e>(expansion: &'e Expansion<'_>, place: &Slice) -> Option<&'e Buffer> {
    match place.text {
        TextId::Observed(buffer) => buffer_of(expansion, buffer),
        // What was inside a container passed where the container passed.
        TextId::Derived(index) => {
            let derived = expansion.derived.get(index as usize)?;
            match derived.message {
                Some(_) => None,
                None => observed(expansion, &derived.from),
            }
        }
    }
}

fn buffer_of<'e>(expansion: &'e Expansion<'_>, buffer: BufferId) -> Option<&'e Buffer> {
    expansion.trace.buffers.get(buffer.0 as usize)
}

fn channel_kind<'e>(expansion: &'e Expansion<'_>, channel: ChannelId) -> Option<&'e ChannelKind> {
    expansion
        .trace
        .channels
        .get(channel.0 as usize)
        .map(|channel| &channel.kind)
}

fn sharing(facts: &[Fact], fact: &Fact) -> BTreeSet<usize> {
    facts
        .iter()
        .filter(|other| other.value == fact.value)
        .map(|other| other.letter)
        .collect()
}

fn is_domain(kind: FactKind) -> bool {
    matches!(kind, FactKind::Origin | FactKind::Destination)
}

fn is_content(kind: FactKind) -> bool {
    matches!(
        kind,
        FactKind::Subject
            | FactKind::Headers
            | FactKind::Body
            | FactKind::AttachmentName
            | FactKind::Attachment
    )
}

/// Whether chance cannot hit the value: it says so, and it is long enough to mean it.
fn is_strong(fact: &Fact) -> bool {
    fact.strength >= UNIQUE_STRENGTH_BITS
        && (fact.value.len() >= TOKEN_LENGTH || !telling_parts(&fact.value).is_empty())
}
