//! Parts longer than a chunk, and compressed ones.

use super::stage::*;
use crate::Profile;
use crate::message::*;

fn long_letter() -> Letter {
    Letter {
        display: vec![
            Part::plain(b"0123456789".repeat(10)),
            Part::plain("short"),
            Part::compressed(&b"round and round ".repeat(64)),
        ],
        attachments: vec![Part::plain([7; 64]), Part::plain([8; 65])],
        ..letter()
    }
}

fn options(alternate: bool) -> SealOptions {
    SealOptions {
        alternate,
        largest_piece: Some(32),
        ..SealOptions::default()
    }
}

fn sent(stage: &Stage, letter: &Letter, options: &SealOptions) -> Vec<u8> {
    let authored = stage.seal_letter(letter, options).expect("a good letter");
    let origin = &stage.keys[&Actor::Origin];
    sign_as_origin(&authored, origin, Bounces::default(), None).expect("a good message")
}

#[test]
fn a_long_part_takes_as_few_chunks_as_possible_and_is_read_as_one() {
    let stage = Stage::new(Profile::Libdime);
    let letter = long_letter();
    for alternate in [false, true] {
        let bytes = sent(&stage, &letter, &options(alternate));
        let message = Message::parse(&bytes).expect("a good message");
        let count = |kind| {
            let chunks = message.chunks().iter();
            chunks.filter(|chunk| chunk.kind == kind).count()
        };
        let compressed = letter.display[2].data.len().div_ceil(32);
        assert_eq!(count(ChunkType::Display), 4 + 1 + compressed);
        assert_eq!(count(ChunkType::Attachment), 2 + 3);

        let opened = stage
            .open(Actor::Recipient, &bytes)
            .expect("a good message");
        let layer = if alternate {
            Flags::ALTERNATE_KEY
        } else {
            Flags::NONE
        };
        let mut expected = letter.display.clone();
        for part in &mut expected {
            part.flags = part.flags.with(layer);
        }
        assert_eq!(opened.display, expected);
        let text = opened.display[2].expanded(2000);
        assert_eq!(
            text.as_deref(),
            Ok(b"round and round ".repeat(64).as_slice())
        );
        let data = |parts: &[Part]| {
            parts
                .iter()
                .map(|part| part.data.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(data(&opened.attachments), data(&letter.attachments));
    }
}

#[test]
fn an_author_without_the_ephemeral_secret_gets_sealed_pieces_in_their_parts() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = sent(&stage, &long_letter(), &options(true));
    let copy = stage.open(Actor::Author, &bytes).expect("a good message");
    assert_eq!(copy.still_sealed, [0, 1, 2]);
    // Four pieces with a tag of 16 bytes each.
    assert_eq!(copy.display[0].data.len(), 100 + 4 * 16);
}

#[test]
fn pieces_that_contradict_each_other_are_refused() {
    let stage = Stage::new(Profile::Libdime);
    let goes_on = Flags::CONTINUES;
    let piece = |flags: Flags, data: &[u8]| Part {
        flags,
        data: data.to_vec(),
    };
    let gzip = Part::compressed(b"x");
    let cases = [
        ("last goes on", vec![piece(goes_on, b"a")], None),
        (
            "other flags",
            vec![piece(goes_on, b"a"), piece(Flags::ALTERNATE_PADDING, b"b")],
            None,
        ),
        (
            "gzip flag on the first only",
            vec![
                piece(goes_on.with(Flags::GZIP), &gzip.data[..5]),
                piece(Flags::NONE, &gzip.data[5..]),
            ],
            None,
        ),
        (
            "good pieces by hand",
            vec![
                piece(goes_on.with(Flags::GZIP), &gzip.data[..2]),
                piece(Flags::GZIP, &gzip.data[2..]),
            ],
            Some(vec![gzip.clone()]),
        ),
    ];
    for (name, display, expected) in cases {
        let letter = Letter {
            display,
            ..letter()
        };
        let by_hand = SealOptions {
            unchecked: true,
            ..SealOptions::default()
        };
        assert!(
            stage.seal_letter(&letter, &SealOptions::default()).is_err(),
            "{name}"
        );
        let bytes = sent(&stage, &letter, &by_hand);
        let opened = stage.open(Actor::Recipient, &bytes);
        match expected {
            Some(parts) => assert_eq!(opened.expect("a good message").display, parts, "{name}"),
            None => assert_eq!(opened, Err(OpenError::Flags(ChunkType::Display)), "{name}"),
        }
    }
}

#[test]
fn a_display_part_does_not_go_on_in_an_attachment() {
    let stage = Stage::new(Profile::Libdime);
    let letter = Letter {
        display: vec![Part {
            flags: Flags::CONTINUES,
            data: b"a".to_vec(),
        }],
        attachments: vec![Part::plain("b")],
        ..letter()
    };
    let by_hand = SealOptions {
        unchecked: true,
        ..SealOptions::default()
    };
    let bytes = sent(&stage, &letter, &by_hand);
    assert_eq!(
        stage.open(Actor::Recipient, &bytes),
        Err(OpenError::Flags(ChunkType::Display))
    );
}

#[test]
fn more_pieces_than_a_message_has_chunks_are_not_sealed() {
    let stage = Stage::new(Profile::Libdime);
    let letter = Letter {
        attachments: vec![Part::plain(vec![0; MAXIMUM_CHUNKS])],
        ..letter()
    };
    let options = SealOptions {
        largest_piece: Some(1),
        ..SealOptions::default()
    };
    assert_eq!(
        stage.seal_letter(&letter, &options),
        Err(SealError::TooLarge)
    );
}

#[test]
fn a_part_of_more_than_16_mib_goes_through() {
    let stage = Stage::new(Profile::Libdime);
    let letter = Letter {
        attachments: vec![Part::plain(vec![9; MAXIMUM_PART + 1])],
        ..letter()
    };
    let bytes = sent(&stage, &letter, &SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let attachments = message.chunks().iter();
    let sizes: Vec<usize> = attachments
        .filter(|chunk| chunk.kind == ChunkType::Attachment)
        .map(|chunk| chunk.payload.len())
        .collect();
    assert!(
        matches!(sizes.as_slice(), [first, last] if *first > MAXIMUM_PART && *last < 1024),
        "{sizes:?}"
    );
    let opened = stage
        .open(Actor::Recipient, &bytes)
        .expect("a good message");
    assert!(opened.attachments == letter.attachments);
}
