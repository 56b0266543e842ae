//! Messages: alternate layer, hardened profile, parts and paddings, signatures.

use dime_wire::message::{Actor, Bounces, ChunkType, Flags, Padding, Part, TreeSignature};
use serde_json::{Value, json};

use super::GenerateError;
use super::damage::{with_chunk_of, with_flipped, with_swapped, with_text_of, without};
use super::draft::{Draft, Expected};
use super::world::World;

use Expected::{Accept, Reject};

/// The origin's signatures are not there or not its own: who verifies them refuses.
const NOT_BY_ORIGIN: [Expected; 4] = [Accept, Accept, Reject("decrypt"), Reject("decrypt")];
/// Everybody accepts.
const ALL_ACCEPT: [Expected; 4] = [Accept; 4];
/// Author and recipient, who read the contents, refuse; the organizations cannot see why.
const READERS_REJECT: [Expected; 4] = [Reject("decrypt"), Accept, Accept, Reject("decrypt")];
/// What the origin did to an author's object: only the destination, which has no author's signature
/// to verify, accepts.
const DONE_BY_ORIGIN: [Expected; 4] = [
    Reject("decrypt"),
    Reject("decrypt"),
    Accept,
    Reject("decrypt"),
];

/// The cases of a file, one after the other.
struct Cases<'w> {
    world: &'w World,
    out: Vec<Value>,
}

impl<'w> Cases<'w> {
    fn new(world: &'w World) -> Self {
        Self {
            world,
            out: Vec::new(),
        }
    }

    /// A message as its author and origin make it.
    fn sent(
        &mut self,
        id: &str,
        what: &str,
        draft: &Draft,
        expected: [Expected; 4],
    ) -> Result<(), GenerateError> {
        let message = draft.message(self.world, id)?;
        self.add(id, what, draft, &message, expected)
    }

    /// A message whose author's object the origin changed before it signed.
    fn changed_by_origin(
        &mut self,
        id: &str,
        what: &str,
        draft: &Draft,
        change: impl FnOnce(&[u8]) -> Result<Vec<u8>, GenerateError>,
        expected: [Expected; 4],
    ) -> Result<(), GenerateError> {
        let authored = change(&draft.authored(self.world, id)?)?;
        let message = draft.sent(self.world, &authored)?;
        self.add(id, what, draft, &message, expected)
    }

    fn add(
        &mut self,
        id: &str,
        what: &str,
        draft: &Draft,
        message: &[u8],
        expected: [Expected; 4],
    ) -> Result<(), GenerateError> {
        let case = draft.case(self.world, id, what, message, expected)?;
        self.out.push(case);
        Ok(())
    }
}

/// `messages_alternate.json`: the alternate layer.
pub(super) fn alternate(world: &World) -> Result<Vec<Value>, GenerateError> {
    let plain = Draft::new().with(|draft| draft.options.alternate = true);
    let two = plain.clone().with(|draft| {
        draft.letter.display.push(Part::plain("A second part."));
    });
    let mut cases = Cases::new(world);
    alternate_keys(&mut cases, &plain, &two)?;
    alternate_contents(&mut cases, &plain, &two)?;
    cases.changed_by_origin(
        "alternate/chunk-3-dropped-by-origin",
        "The origin took out chunk 3 before it signed.",
        &two,
        |authored| without(authored, ChunkType::Alternate),
        DONE_BY_ORIGIN,
    )?;
    let other = two.authored(world, "alternate/another")?;
    cases.changed_by_origin(
        "alternate/chunk-3-of-another-message",
        "The origin put in chunk 3 of another message of the same author.",
        &two,
        |authored| with_chunk_of(authored, ChunkType::Alternate, &other),
        DONE_BY_ORIGIN,
    )?;
    cases.changed_by_origin(
        "alternate/parts-exchanged-by-origin",
        "The origin exchanged both display chunks before it signed.",
        &two,
        |authored| with_swapped(authored, ChunkType::Display),
        DONE_BY_ORIGIN,
    )?;
    let flagged = Draft::new().with(|draft| {
        draft.options.unchecked = true;
        for part in &mut draft.letter.display {
            part.flags = Flags::ALTERNATE_KEY;
        }
    });
    cases.sent(
        "alternate/flag-without-chunk-3",
        "Flag 0x02 on plain data in a message without chunk 3.",
        &flagged,
        READERS_REJECT,
    )?;
    Ok(cases.out)
}

/// Who has which secret of the alternate layer.
fn alternate_keys(cases: &mut Cases<'_>, plain: &Draft, two: &Draft) -> Result<(), GenerateError> {
    let not_recipient = [Accept, Accept, Accept, Reject("decrypt")];
    let devices = plain.clone().with(|draft| {
        draft.recipient = "recipient_devices_id";
        draft.alternate_keys = vec!["recipient", "recipient_device"];
    });
    for (id, what, draft, expected) in [
        (
            "alternate/one-part",
            "One display part under the alternate layer; the author did not keep the ephemeral secret.",
            plain.clone(),
            ALL_ACCEPT,
        ),
        (
            "alternate/author-kept-the-secret",
            "Two parts, read by the recipient and by an author who kept the ephemeral secret.",
            two.clone().with(|draft| draft.ephemeral_kept = true),
            ALL_ACCEPT,
        ),
        (
            "alternate/two-keys-of-the-recipient",
            "The signet has two alternate keys; the first is used, the reader holds both in another order.",
            devices,
            ALL_ACCEPT,
        ),
        (
            "alternate/no-secret",
            "The recipient has no alternate secret.",
            plain.clone().with(|draft| draft.alternate_keys.clear()),
            not_recipient,
        ),
        (
            "alternate/secret-of-another",
            "The recipient has the alternate secret of somebody else.",
            plain
                .clone()
                .with(|draft| draft.alternate_keys = vec!["third"]),
            not_recipient,
        ),
    ] {
        cases.sent(id, what, &draft, expected)?;
    }
    Ok(())
}

/// What may be under the layer.
fn alternate_contents(
    cases: &mut Cases<'_>,
    plain: &Draft,
    two: &Draft,
) -> Result<(), GenerateError> {
    let compressed = plain.clone().with(|draft| {
        draft.letter.display = vec![Part::compressed(&b"again and ".repeat(40))];
    });
    for (id, what, draft) in [
        (
            "alternate/compressed",
            "Compressed first, then put under the layer; flags 0x06.",
            compressed,
        ),
        (
            "alternate/attachments",
            "A display part and two attachments, all under the layer.",
            plain.clone().with(|draft| {
                draft.letter.attachments = vec![Part::plain("one"), Part::plain(vec![0u8; 500])];
            }),
        ),
        (
            "alternate/continued",
            "An attachment of 250 bytes in pieces, each under the layer by itself; flags 0x82 and 0x02.",
            two.clone().with(|draft| {
                draft.letter.attachments = vec![Part::plain(vec![b'p'; 250])];
                draft.options.largest_piece = Some(100);
                draft.ephemeral_kept = true;
            }),
        ),
    ] {
        cases.sent(id, what, &draft, ALL_ACCEPT)?;
    }
    Ok(())
}

/// `messages_hardened.json`: the hardened profile.
pub(super) fn hardened(world: &World) -> Result<Vec<Value>, GenerateError> {
    let hardened = Draft::new().with(|draft| draft.options.hardened = true);
    let author = world.keys("author")?.signing.clone();
    let mut cases = Cases::new(world);
    for (id, what, draft, expected) in [
        (
            "hardened/plain",
            "Chunk 5 is signed by the message key that chunk 4 certifies.",
            hardened.clone(),
            ALL_ACCEPT,
        ),
        (
            "hardened/under-the-alternate-layer",
            "Hardened, and the display part under the alternate layer.",
            hardened
                .clone()
                .with(|draft| draft.options.alternate = true),
            ALL_ACCEPT,
        ),
        (
            "hardened/signed-with-the-long-term-key",
            "Chunk 4 certifies a message key, but chunk 5 is signed with the author's own. The origin cannot see it.",
            hardened.clone().with(|draft| {
                draft.options.signers.insert(ChunkType::Destination, author);
            }),
            READERS_REJECT,
        ),
        (
            "hardened/certifies-the-long-term-key",
            "The certified key is the author's own, which hardens nothing.",
            hardened.clone().with(|draft| draft.own_message_key = true),
            DONE_BY_ORIGIN,
        ),
    ] {
        cases.sent(id, what, &draft, expected)?;
    }
    chunks_of_another(&mut cases, &hardened)?;
    Ok(cases.out)
}

/// Hardened messages with a chunk of another one, as an origin can make them.
fn chunks_of_another(cases: &mut Cases<'_>, hardened: &Draft) -> Result<(), GenerateError> {
    let other = hardened.authored(cases.world, "hardened/another")?;
    let origin = &cases.world.keys("origin")?.encryption;
    cases.changed_by_origin(
        "hardened/chunk-4-of-another-message",
        "The origin put in chunk 4 of another message as it was, which nobody can decrypt here.",
        hardened,
        |authored| with_chunk_of(authored, ChunkType::Origin, &other),
        DONE_BY_ORIGIN,
    )?;
    cases.changed_by_origin(
        "hardened/chunk-4-text-of-another-message",
        "The origin encrypted the signed text of another chunk 4, and so another message key, into this message.",
        hardened,
        |authored| with_text_of(authored, ChunkType::Origin, &other, (Actor::Origin, origin)),
        DONE_BY_ORIGIN,
    )?;
    cases.changed_by_origin(
        "hardened/chunk-5-of-another-message",
        "The origin put in chunk 5 of another message as it was, which nobody can decrypt here.",
        hardened,
        |authored| with_chunk_of(authored, ChunkType::Destination, &other),
        [Reject("decrypt"); 4],
    )
}

/// `messages_parts.json`: parts, flags and paddings.
pub(super) fn parts(world: &World) -> Result<Vec<Value>, GenerateError> {
    let mut out = Vec::new();
    let rows = good_parts()
        .into_iter()
        .chain(padded_parts())
        .chain(bad_parts());
    for (id, what, draft, expected) in rows {
        let message = draft.message(world, id)?;
        let mut case = draft.case(world, id, what, &message, expected)?;
        if let Some(sizes) = padded_sizes(id) {
            case["chunks"] = sizes;
        }
        out.push(case);
    }
    Ok(out)
}

type Row = (&'static str, &'static str, Draft, [Expected; 4]);

fn good_parts() -> Vec<Row> {
    let display = |parts: Vec<Part>| Draft::new().with(|draft| draft.letter.display = parts);
    vec![
        (
            "parts/attachments",
            "Two display parts and two attachments, one of them empty of text.",
            display(vec![Part::plain("one"), Part::plain("two")]).with(|draft| {
                draft.letter.attachments =
                    vec![Part::plain(vec![0u8; 3000]), Part::plain(vec![7u8])];
            }),
            ALL_ACCEPT,
        ),
        (
            "parts/no-other-headers",
            "Without other headers chunk 34 is left out, which libdime cannot read.",
            Draft::new().with(|draft| draft.letter.other_headers.clear()),
            ALL_ACCEPT,
        ),
        (
            "parts/compressed",
            "Flag 0x04 on a gzip stream.",
            display(vec![Part::compressed(&b"text ".repeat(200))]),
            ALL_ACCEPT,
        ),
        (
            "parts/continued",
            "A part of 250 bytes in three chunks of at most 100; all but the last have flag 0x80.",
            display(vec![Part::plain(vec![b'c'; 250]), Part::plain("whole")])
                .with(|draft| draft.options.largest_piece = Some(100)),
            ALL_ACCEPT,
        ),
        (
            "parts/continued-attachment",
            "As parts/continued, an attachment; one piece is exactly full.",
            Draft::new().with(|draft| {
                draft.letter.attachments = vec![Part::plain(vec![b'a'; 200])];
                draft.options.largest_piece = Some(100);
            }),
            ALL_ACCEPT,
        ),
    ]
}

fn padded_parts() -> Vec<Row> {
    let display = |parts: Vec<Part>| Draft::new().with(|draft| draft.letter.display = parts);
    vec![
        (
            "parts/alternate-padding",
            "Flag 0x01 on one of two parts.",
            display(vec![
                Part {
                    flags: Flags::ALTERNATE_PADDING,
                    data: b"padded the other way".to_vec(),
                },
                Part::plain("padded as usual"),
            ]),
            ALL_ACCEPT,
        ),
        (
            "parts/buckets",
            "Payloads padded to buckets.",
            buckets(20),
            ALL_ACCEPT,
        ),
        (
            "parts/buckets-larger",
            "Payloads padded to buckets.",
            buckets(1500),
            ALL_ACCEPT,
        ),
    ]
}

fn buckets(size: usize) -> Draft {
    Draft::new().with(|draft| {
        draft.options.padding = Padding::Buckets;
        draft.letter.display = vec![Part::plain(vec![b'b'; size])];
    })
}

/// The sizes that padding to buckets must give: 1024, 2048, 4096 and multiples of 4096.
fn padded_sizes(id: &str) -> Option<Value> {
    let display = match id {
        "parts/buckets" => 1024,
        "parts/buckets-larger" => 2048,
        _ => return None,
    };
    let standard = [(4, 1024), (5, 1024), (33, 1024), (34, 1024), (67, display)];
    let signatures = [225, 226, 248, 249, 255].map(|kind| (kind, 64));
    let rows = [(2, 33)].into_iter().chain(standard).chain(signatures);
    Some(
        rows.map(|(kind, size)| json!({ "type": kind, "payload_size": size }))
            .collect(),
    )
}

fn bad_parts() -> Vec<Row> {
    let flagged = |flags: u8, data: &[u8]| {
        let part = Part {
            flags: Flags(flags),
            data: data.to_vec(),
        };
        Draft::new().with(|draft| {
            draft.letter.display = vec![part];
            draft.options.unchecked = true;
        })
    };
    vec![
        (
            "parts/compressed-is-not",
            "Flag 0x04 on data that is no gzip stream.",
            flagged(0x04, b"plain text"),
            READERS_REJECT,
        ),
        (
            "parts/undefined-flag",
            "Flag 0x08, which means nothing.",
            flagged(0x08, b"text"),
            READERS_REJECT,
        ),
        (
            "parts/continued-by-nothing",
            "Flag 0x80 on the last display chunk.",
            flagged(0x80, b"to be continued"),
            READERS_REJECT,
        ),
        (
            "parts/line-break-in-a-header",
            "The subject holds a bare LF.",
            Draft::new().with(|draft| {
                draft.letter.common.subject = "two\nlines".to_owned();
                draft.options.unchecked = true;
            }),
            READERS_REJECT,
        ),
    ]
}

/// `messages_signatures.json`: the signatures of author and origin.
pub(super) fn signatures(world: &World) -> Result<Vec<Value>, GenerateError> {
    let plain = Draft::new();
    let mut cases = Cases::new(world);
    signing_keys(&mut cases, &plain)?;
    for (id, metadata, display) in [
        ("signatures/no-bounce", false, false),
        ("signatures/metadata-bounce", true, false),
        ("signatures/display-bounce", false, true),
    ] {
        let bounces = Bounces { metadata, display };
        let draft = plain.clone().with(|draft| draft.bounces = bounces);
        let what = "Bounce chunks that were not asked for are dropped, 249 like 248.";
        cases.sent(id, what, &draft, ALL_ACCEPT)?;
    }
    let id = "signatures/not-signed-by-origin";
    let what = "The author's object: 248, 249 and 255 hold 64 zero bytes.";
    let authored = plain.authored(world, id)?;
    cases.add(id, what, &plain, &authored, NOT_BY_ORIGIN)?;
    for (id, kind) in [
        (
            "signatures/flipped-before-origin/33",
            ChunkType::CommonHeaders,
        ),
        ("signatures/flipped-before-origin/67", ChunkType::Display),
    ] {
        let what = "The origin changed a bit of a payload it cannot read before it signed.";
        let change = |authored: &[u8]| with_flipped(authored, kind);
        cases.changed_by_origin(id, what, &plain, change, DONE_BY_ORIGIN)?;
    }
    for (id, kind) in [
        ("signatures/flipped-on-the-way/33", ChunkType::CommonHeaders),
        ("signatures/flipped-on-the-way/67", ChunkType::Display),
    ] {
        let what = "A bit of a payload changed behind the origin.";
        let message = with_flipped(&plain.message(world, id)?, kind)?;
        cases.add(id, what, &plain, &message, [Reject("decrypt"); 4])?;
    }
    Ok(cases.out)
}

/// What the tree signature covers, and by whose keys the origin signs.
fn signing_keys(cases: &mut Cases<'_>, plain: &Draft) -> Result<(), GenerateError> {
    let by_sok = |key| {
        plain.clone().with(|draft| {
            draft.origin = "origin_soks_id";
            draft.origin_key = key;
        })
    };
    for (id, what, draft, expected) in [
        (
            "signatures/intended-tree",
            "The tree signature covers chunk 5, too.",
            plain
                .clone()
                .with(|draft| draft.options.tree = TreeSignature::Intended),
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-messages",
            "The origin signed with a SOK of permission 0x02.",
            by_sok("origin_sok_msg"),
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-all",
            "The origin signed with a SOK of permission 0x0f.",
            by_sok("origin_sok_all"),
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-signets",
            "The origin signed with a SOK of permission 0x01, which may not sign messages.",
            by_sok("origin_sok_signet"),
            NOT_BY_ORIGIN,
        ),
        (
            "signatures/origin-stranger",
            "The origin signed with a key of nobody.",
            plain.clone().with(|draft| draft.origin_key = "stranger"),
            NOT_BY_ORIGIN,
        ),
    ] {
        cases.sent(id, what, &draft, expected)?;
    }
    Ok(())
}
