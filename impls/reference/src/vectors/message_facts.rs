//! Facts about a message's bytes, found with the lenient dissector and the actors' keys, apart from the strict
//! parser and from opening: what rulings on messages are about. Works on anything.

use std::ops::Range;

use dime_wire::dissect::{ChunkMap, MessageMap, find_messages};
use dime_wire::keys::{EncryptionKey, EncryptionPublicKey, Kek, Signature, VerifyingKey};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{Actor, KEYSLOT_SIZE};
use dime_wire::signet::{Permissions, SignetKind};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::message_text::{Envelopes, header_facts};
use super::messages::Cast;
use super::primitives::verifies_unreduced;

/// The private keys of the actors, as far as there are any.
pub(super) type Keys<'a> = [(Actor, Option<&'a EncryptionKey>); 4];

/// Bytes of a standard payload in front of its data.
const HEAD: usize = 69;
/// Fewest bytes of a payload without the alternate padding.
const SMALLEST: usize = 256;
/// How a gzip stream begins.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];
/// AES block size.
const BLOCK: usize = 16;

/// The facts; `null` if no message is found.
pub(super) fn gather(bytes: &[u8], cast: &Cast) -> Value {
    let Some(map) = find_messages(bytes).maps.into_iter().next() else {
        return Value::Null;
    };
    let author = cast.signet(Actor::Author).ok();
    let message = Taken {
        bytes,
        map: &map,
        keks: keks(bytes, &map, cast),
        author: author.and_then(|signet| signet.signing_key().ok()),
        origin: origin_keys(cast),
    };
    let types: Vec<u8> = map.chunks.iter().map(|chunk| chunk.kind).collect();
    let mut by_actor = Map::new();
    for actor in Actor::ALL {
        by_actor.insert(actor.name().to_owned(), message.seen_by(actor, cast));
    }
    json!({
        "descending": types.iter().zip(types.iter().skip(1)).any(|(one, next)| one > next),
        "repeated": repeated(&types),
        "has_other_headers": types.contains(&34),
        "has_alternate": types.contains(&3),
        "impossible_size": map.chunks.iter().any(has_impossible_size),
        "tree_signature": message.tree_signature(),
        "author_signature_verifies": message.author_signature_verifies(),
        "origin_key": message.origin_key(),
        "by_actor": by_actor,
    })
}

/// Whether a single type occurs more than once.
fn repeated(types: &[u8]) -> bool {
    let single = types.iter().filter(|kind| !matches!(kind, 67 | 131));
    single
        .clone()
        .any(|kind| single.clone().filter(|other| *other == kind).count() > 1)
}

/// A payload that no writer could have made: too short for head and one byte, or not whole blocks.
fn has_impossible_size(chunk: &ChunkMap) -> bool {
    let size = chunk.payload.len();
    is_standard(chunk.kind) && (size <= HEAD || !size.is_multiple_of(BLOCK))
}

fn is_standard(kind: u8) -> bool {
    matches!(kind, 3 | 4 | 5 | 33 | 34 | 67 | 131)
}

/// Who has a keyslot, in stored order.
fn owners(kind: u8) -> &'static [Actor] {
    match kind {
        4 | 225 | 226 => &[Actor::Author, Actor::Origin, Actor::Recipient],
        5 => &[Actor::Author, Actor::Destination, Actor::Recipient],
        3 | 33 | 34 | 67 | 131 => &[Actor::Author, Actor::Recipient],
        248 | 249 | 255 => &Actor::ALL,
        _ => &[],
    }
}

fn keks(bytes: &[u8], map: &MessageMap, cast: &Cast) -> Vec<(Actor, Kek)> {
    let slice = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
    let point = map.ephemeral.as_ref().map(slice).unwrap_or_default();
    let Ok(point) = EncryptionPublicKey::from_bytes(point) else {
        return Vec::new();
    };
    let keys = cast.keys().into_iter();
    keys.filter_map(|(actor, key)| Some((actor, Kek::derive(key?, &point))))
        .collect()
}

/// A message as it was taken apart, with what is needed to look inside.
struct Taken<'a> {
    bytes: &'a [u8],
    map: &'a MessageMap,
    keks: Vec<(Actor, Kek)>,
    author: Option<VerifyingKey>,
    /// The origin's keys, each with what it may be used for.
    origin: Vec<(VerifyingKey, &'static str)>,
}

/// A standard payload in plain.
struct Payload<'a> {
    size: usize,
    flags: u8,
    pad: u8,
    behind: &'a [u8],
}

impl Taken<'_> {
    fn slice(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The chunk's payload in plain by the keyslot of one actor.
    fn plain(&self, chunk: &ChunkMap, actor: Actor) -> Option<Vec<u8>> {
        let payload = self.slice(&chunk.payload);
        if payload.is_empty() || !payload.len().is_multiple_of(BLOCK) {
            return None;
        }
        let position = owners(chunk.kind)
            .iter()
            .position(|owner| *owner == actor)?;
        let slot: &[u8; KEYSLOT_SIZE] = self.slice(chunk.slots.get(position)?).try_into().ok()?;
        let (_, kek) = self.keks.iter().find(|(owner, _)| *owner == actor)?;
        let mut plain = payload.to_vec();
        ChunkKey::from_keyslot(kek, slot).decrypt(&mut plain);
        Some(plain)
    }

    /// The same by every keyslot, since one of them may be damaged.
    fn plain_to_any(&self, chunk: &ChunkMap) -> Vec<Vec<u8>> {
        let actors = owners(chunk.kind).iter();
        actors
            .filter_map(|actor| self.plain(chunk, *actor))
            .collect()
    }

    /// What one actor finds in the chunks it has keyslots for.
    fn seen_by(&self, actor: Actor, cast: &Cast) -> Value {
        let mut parts = Vec::new();
        let (mut all_padding_fits, mut all_signed) = (true, true);
        let (mut gzip_fits, mut only_contents_have_flags) = (true, true);
        let mut pieces_share_flags = true;
        // The flags of the chunk before, if it was a piece of the same part.
        let mut begun = None;
        let chunks = &self.map.chunks;
        for (index, chunk) in chunks.iter().enumerate() {
            let plain = self.plain(chunk, actor);
            let Some(plain) = plain.filter(|_| is_standard(chunk.kind)) else {
                continue;
            };
            all_signed &= self.is_signed(&plain);
            if let Some(payload) = Payload::read(&plain) {
                let next = chunks.get(index + 1).map(|next| next.kind);
                all_padding_fits &= payload.padding_fits();
                let own = payload.flags & !0x80;
                let in_plain = payload.flags & 2 == 0 && begun.is_none();
                gzip_fits &=
                    payload.flags & 4 == 0 || !in_plain || payload.behind.starts_with(&GZIP);
                pieces_share_flags &= begun.is_none_or(|begun| begun == own);
                let goes_on = payload.flags & 0x80 != 0 && next == Some(chunk.kind);
                begun = goes_on.then_some(own);
                only_contents_have_flags &=
                    matches!(chunk.kind, 67 | 131) || payload.flags & !1 == 0;
                parts.push(payload.describe(chunk.kind, next != Some(chunk.kind)));
            }
        }
        let data = |kind| self.data(kind, actor);
        let envelopes = Envelopes::read(data(4), data(5));
        let mut facts = json!({
            "parts": parts,
            "all_padding_fits": all_padding_fits,
            "all_signed": all_signed,
            "gzip_fits": gzip_fits,
            "pieces_share_flags": pieces_share_flags,
            "unreduced_signature": self.has_unreduced_signature(actor),
            "only_contents_have_flags": only_contents_have_flags,
            "signets_are_of_their_kind": signets_are_of_their_kind(actor, cast),
            "envelope": envelopes.facts(actor, cast),
        });
        if let (Some(headers), Some(facts)) = (data(33), facts.as_object_mut()) {
            facts.insert("headers".to_owned(), header_facts(&headers));
        }
        facts
    }

    /// Whether the author signed a payload in plain.
    fn is_signed(&self, plain: &[u8]) -> bool {
        let signed = plain.split_first_chunk::<64>();
        let signed = self.author.as_ref().zip(signed);
        signed.is_some_and(|(author, (signature, covered))| {
            author.verify(covered, &Signature(*signature))
        })
    }

    /// The data of the last chunk of a type, the one libdime goes by.
    fn data(&self, kind: u8, actor: Actor) -> Option<Vec<u8>> {
        let mut chunks = self.map.chunks.iter().rev();
        let plain = self.plain(chunks.find(|chunk| chunk.kind == kind)?, actor)?;
        let payload = Payload::read(&plain)?;
        payload.behind.get(..payload.size).map(<[u8]>::to_vec)
    }

    /// The bytes of all chunks below `kind`, in wire order.
    fn below(&self, kind: u8) -> Vec<u8> {
        let chunks = self.map.chunks.iter().filter(|chunk| chunk.kind < kind);
        chunks
            .flat_map(|chunk| self.slice(&chunk.range))
            .copied()
            .collect()
    }

    /// What each keyslot gives as signature `kind`.
    fn signatures(&self, kind: u8) -> Vec<Signature> {
        let chunk = self.map.chunks.iter().find(|chunk| chunk.kind == kind);
        let plain = chunk.map(|chunk| self.plain_to_any(chunk));
        let plain = plain.into_iter().flatten();
        plain
            .filter_map(|plain| plain.try_into().ok().map(Signature))
            .collect()
    }

    fn author_signature_verifies(&self) -> bool {
        let covered = self.below(226);
        let mut signatures = self.signatures(226).into_iter();
        self.author
            .is_some_and(|author| signatures.any(|signature| author.verify(&covered, &signature)))
    }

    /// The lists of hashes that the author's tree signature may be over: libdime's and the intended one.
    fn tree_inputs(&self) -> [(&'static str, Vec<u8>); 2] {
        let below = self.map.chunks.iter().filter(|chunk| chunk.kind < 225);
        let (mut intended, mut libdime) = (Vec::new(), Vec::new());
        for chunk in below {
            let hash = Sha512::digest(self.slice(&chunk.range));
            intended.extend_from_slice(&hash);
            if chunk.kind != 5 {
                libdime.extend_from_slice(&hash);
            }
        }
        libdime.resize(intended.len(), 0);
        [("libdime", libdime), ("intended", intended)]
    }

    /// Which of these lists it is over.
    fn tree_signature(&self) -> Option<&'static str> {
        let author = self.author?;
        let signatures = self.signatures(225);
        let mut inputs = self.tree_inputs().into_iter();
        let fits = |(_, input): &(_, Vec<u8>)| {
            let mut signatures = signatures.iter();
            signatures.any(|signature| author.verify(input, signature))
        };
        inputs.find(fits).map(|(form, _)| form)
    }

    /// By which of its keys the origin signed the whole: its POK, or a SOK that may or may not.
    fn origin_key(&self) -> Option<&'static str> {
        let (covered, signatures) = (self.below(255), self.signatures(255));
        let verifies = |(key, _): &&(VerifyingKey, _)| {
            let mut signatures = signatures.iter();
            signatures.any(|signature| key.verify(&covered, signature))
        };
        self.origin.iter().find(verifies).map(|(_, whose)| *whose)
    }

    /// Whether the actor must verify a signature that only the check of its S refuses: the author's for
    /// everybody but the destination, the origin's for those behind it.
    fn has_unreduced_signature(&self, actor: Actor) -> bool {
        let of_author = actor != Actor::Destination;
        let of_origin = matches!(actor, Actor::Destination | Actor::Recipient);
        let author: Vec<VerifyingKey> = self.author.into_iter().collect();
        let origin: Vec<VerifyingKey> = self.origin.iter().map(|(key, _)| *key).collect();
        self.map.chunks.iter().any(|chunk| {
            let plain = self.plain(chunk, actor).unwrap_or_default();
            let Some((signature, rest)) = plain.split_first_chunk::<64>() else {
                return false;
            };
            let fits = |keys: &[VerifyingKey], covered: &[u8]| {
                let mut keys = keys.iter();
                keys.any(|key| verifies_unreduced(key, covered, signature))
            };
            match chunk.kind {
                kind if is_standard(kind) => of_author && fits(&author, rest),
                225 if of_author => {
                    let mut inputs = self.tree_inputs().into_iter();
                    inputs.any(|(_, input)| fits(&author, &input))
                }
                226 => of_author && fits(&author, &self.below(226)),
                248 => of_origin && fits(&origin, &self.below(67)),
                249 => of_origin && fits(&origin, &self.below(68)),
                255 => of_origin && fits(&origin, &self.below(255)),
                _ => false,
            }
        })
    }
}

impl<'a> Payload<'a> {
    fn read(plain: &'a [u8]) -> Option<Self> {
        let [high, middle, low, flags, pad, behind @ ..] = plain.get(64..)? else {
            return None;
        };
        let digits = [high, middle, low].into_iter();
        Some(Self {
            size: digits.fold(0, |value, digit| value * 256 + usize::from(*digit)),
            flags: *flags,
            pad: *pad,
            behind,
        })
    }

    /// Whether the padding is as the writer's rule for these flags makes it.
    fn padding_fits(&self) -> bool {
        let Some(padding) = self.behind.get(self.size..) else {
            return false;
        };
        let (length, pad) = (padding.len(), usize::from(self.pad));
        let counted = if self.flags & 1 == 0 {
            let payload = HEAD + self.behind.len();
            (1..=256).contains(&length) && length % 256 == pad && payload >= SMALLEST
        } else {
            (1..=4096).contains(&length) && (length - 1) / BLOCK == pad
        };
        counted && padding.iter().all(|byte| *byte == self.pad)
    }

    fn describe(&self, kind: u8, is_last_of_kind: bool) -> Value {
        json!({
            "type": kind,
            "data": self.size,
            "flags": self.flags,
            "padding_fits": self.padding_fits(),
            "goes_on_into_nothing": self.flags & 0x80 != 0 && is_last_of_kind,
        })
    }
}

/// The origin's keys: its POK, the SOKs that may sign messages, and the others.
fn origin_keys(cast: &Cast) -> Vec<(VerifyingKey, &'static str)> {
    let Ok(origin) = cast.signet(Actor::Origin) else {
        return Vec::new();
    };
    let pok = origin.signing_key().ok().map(|key| (key, "pok"));
    let soks = |permissions, whose| {
        let keys = origin.keys_for(permissions).unwrap_or_default();
        keys.into_iter().map(move |key| (key, whose))
    };
    let messages = soks(Permissions::MESSAGES, "message-sok");
    let others = soks(Permissions::NONE, "other-sok");
    pok.into_iter().chain(messages).chain(others).collect()
}

/// Whether those signets that the actor needs are signets of users or organizations as they must be.
pub(super) fn signets_are_of_their_kind(actor: Actor, cast: &Cast) -> bool {
    let needed: &[Actor] = match actor {
        Actor::Author | Actor::Recipient => &Actor::ALL,
        Actor::Origin => &[Actor::Author, Actor::Origin, Actor::Destination],
        Actor::Destination => &[Actor::Origin, Actor::Destination, Actor::Recipient],
    };
    needed.iter().all(|needed| {
        let wanted = match needed {
            Actor::Author | Actor::Recipient => SignetKind::User,
            Actor::Origin | Actor::Destination => SignetKind::Organization,
        };
        cast.signet(*needed)
            .is_ok_and(|signet| signet.kind() == wanted)
    })
}
