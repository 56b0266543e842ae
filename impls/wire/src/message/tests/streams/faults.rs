//! Streams that fail or change while they are read, and how much of them is held at a time.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use super::*;

/// A file that someone else changes: from the `patience`-th seek on, `place` holds another byte.
struct Changing {
    bytes: Cursor<Vec<u8>>,
    place: usize,
    patience: usize,
}

impl Read for Changing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(out)
    }
}

impl Write for Changing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Changing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.patience = self.patience.saturating_sub(1);
        if self.patience == 0 {
            self.patience = usize::MAX;
            if let Some(byte) = self.bytes.get_mut().get_mut(self.place) {
                *byte ^= 1;
            }
        }
        self.bytes.seek(to)
    }
}

#[test]
fn a_message_that_changes_while_it_is_read_releases_nothing_changed() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let whole = stage
        .open(Actor::Recipient, &bytes)
        .expect("a good message");
    let message = Message::parse(&bytes).expect("a good message");
    let chunk = message.chunk(ChunkType::Attachment).expect("is there");
    let place = chunk.offset + 20;
    let (mut refused, mut opened) = (0, 0);
    for patience in 1..120 {
        let reader = Changing {
            bytes: Cursor::new(bytes.clone()),
            place,
            patience,
        };
        let mut released = Vec::new();
        let read = open_into(&stage, Actor::Recipient, reader, &mut |piece| {
            if piece.kind == ChunkType::Attachment {
                released.extend_from_slice(piece.data);
            }
            Ok(())
        });
        match read {
            Ok(_) => {
                assert_eq!(released, whole.attachments[0].data);
                opened += 1;
            }
            Err(error) => {
                assert_eq!(released, b"", "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 20 && opened > 20, "{refused} {opened}");
}

#[test]
fn no_signature_is_made_over_what_changes_while_it_is_signed() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions::default();
    let bytes = stage.seal(&options).expect("a good letter");
    let message = Message::parse(&bytes).expect("a good message");
    let place = message.chunk(ChunkType::Display).expect("is there").offset + 20;
    let keys = &stage.keys[&Actor::Origin];
    let mut changed = 0;
    for patience in 1..80 {
        let reader = Changing {
            bytes: Cursor::new(bytes.clone()),
            place,
            patience,
        };
        let signed = StreamedMessage::read(reader)
            .and_then(|mut message| message.sign_as_origin(keys, BOTH, None, &mut Vec::new()));
        changed += usize::from(matches!(signed, Err(StreamError::Changed)));
    }
    assert!(changed > 3, "{changed}");
    let (rest, _, _) = taken_apart(&letter());
    let mut body: &[u8] = b"a body long enough to be changed behind the sealer's back";
    let streamed = StreamedLetter {
        letter: &rest,
        display: vec![PartSource {
            flags: Flags::NONE,
            size: body.len() as u64,
            data: &mut body,
        }],
        attachments: Vec::new(),
    };
    // The first seek asks for the position, the second is the one in front of the second pass.
    let mut out = Changing {
        bytes: Cursor::new(Vec::new()),
        place,
        patience: 2,
    };
    let author = &stage.keys[&Actor::Author].signing;
    let entropy = &mut Counting(0);
    let sealed = seal_stream(
        streamed,
        &stage.signets(),
        author,
        entropy,
        &options,
        &mut out,
    );
    assert!(matches!(sealed, Err(StreamError::Changed)), "{sealed:?}");
}

/// A file that others may write to.
#[derive(Clone)]
struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Shared {
    fn cursor(&self) -> MutexGuard<'_, Cursor<Vec<u8>>> {
        self.0.lock().expect("nobody panicked")
    }
}

impl Read for Shared {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.cursor().read(out)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.cursor().seek(to)
    }
}

#[test]
fn nothing_is_signed_or_released_but_what_was_judged() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.seal(&SealOptions::default()).expect("a good letter");
    let place = |kind: ChunkType| {
        let message = Message::parse(&bytes).expect("a good message");
        message.chunk(kind).expect("it has one").offset + 20
    };
    let origin = &stage.keys[&Actor::Origin];
    let signets = stage.signets();
    let signets = OriginSignets {
        author: signets.author,
        origin: signets.origin,
        destination: signets.destination,
    };
    for kind in [ChunkType::Display, ChunkType::Attachment] {
        let file = Shared(Arc::new(Mutex::new(Cursor::new(bytes.clone()))));
        let mut message = StreamedMessage::read(file.clone()).expect("a good message");
        let policy = ReadPolicy::default();
        let opened = message.open_as_origin(&origin.encryption, &signets, &policy);
        assert!(opened.is_ok(), "{opened:?}");
        let mut sign = || message.sign_as_origin(origin, BOTH, None, &mut Vec::new());
        assert!(sign().is_ok());
        file.cursor().get_mut()[place(kind)] ^= 1;
        let signed = sign();
        assert!(matches!(signed, Err(StreamError::Changed)), "{signed:?}");
        let again = message.open_as_origin(&origin.encryption, &signets, &policy);
        assert!(matches!(again, Err(StreamError::Changed)), "{again:?}");
    }
}

#[test]
fn a_failing_stream_is_not_called_a_bad_message() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    struct Failing(Cursor<Vec<u8>>, usize);
    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0.read(out)
        }
    }
    impl Seek for Failing {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.1 = self.1.checked_sub(1).ok_or(io::Error::other("unplugged"))?;
            self.0.seek(to)
        }
    }
    let mut failures = 0;
    for seeks in 0..60 {
        let reader = Failing(Cursor::new(bytes.clone()), seeks);
        match open_streamed(&stage, Actor::Recipient, reader) {
            Ok(_) => break,
            Err(StreamError::Message(error)) => {
                assert_eq!(error.to_string(), "unplugged");
                failures += 1;
            }
            Err(other) => panic!("after {seeks} seeks: {other}"),
        }
    }
    assert!((15..60).contains(&failures), "{failures}");
}

/// Counts the largest buffer that passes.
struct Measured<T> {
    inner: T,
    largest: usize,
}

impl<T: Read> Read for Measured<T> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(out.len());
        self.inner.read(out)
    }
}

impl<T: Write> Write for Measured<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.largest = self.largest.max(bytes.len());
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Seek> Seek for Measured<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

#[test]
fn a_large_message_passes_in_buffers_of_a_chunk() {
    const SIZE: u64 = 40 << 20;
    const LARGEST_CHUNK: usize = 4 + MAXIMUM_PAYLOAD + 4 * KEYSLOT_SIZE;
    let stage = Stage::new(Profile::Libdime);
    let (rest, _, _) = taken_apart(&letter());
    let mut body = io::repeat(b'x').take(SIZE);
    let streamed = StreamedLetter {
        letter: &rest,
        display: vec![PartSource {
            flags: Flags::NONE,
            size: SIZE,
            data: &mut body,
        }],
        attachments: Vec::new(),
    };
    let mut sealed = Measured {
        inner: Cursor::new(Vec::new()),
        largest: 0,
    };
    let author = &stage.keys[&Actor::Author].signing;
    let entropy = &mut Counting(0);
    let options = SealOptions::default();
    seal_stream(
        streamed,
        &stage.signets(),
        author,
        entropy,
        &options,
        &mut sealed,
    )
    .expect("good");
    assert!(sealed.largest <= LARGEST_CHUNK, "{}", sealed.largest);
    let mut message = StreamedMessage::read(&mut sealed).expect("a good message");
    let mut signed = Measured {
        inner: Vec::new(),
        largest: 0,
    };
    let keys = &stage.keys[&Actor::Origin];
    let signing = message.sign_as_origin(keys, Bounces::default(), None, &mut signed);
    signing.expect("a good message");
    assert!(signed.largest <= LARGEST_CHUNK && sealed.largest <= LARGEST_CHUNK);
    let mut reader = Measured {
        inner: Cursor::new(signed.inner),
        largest: 0,
    };
    let (mut size, mut pieces) = (0, 0);
    let opened = open_into(&stage, Actor::Recipient, &mut reader, &mut |piece| {
        assert!(piece.data.len() <= MAXIMUM_PART && piece.data.iter().all(|byte| *byte == b'x'));
        size += piece.data.len() as u64;
        pieces += 1;
        assert_eq!(piece.last, size == SIZE);
        Ok(())
    });
    assert_eq!(opened.expect("a good message").display[0].size, SIZE);
    assert_eq!((size, pieces), (SIZE, 3));
    assert!(reader.largest <= LARGEST_CHUNK, "{}", reader.largest);
}
