//! The recipient's side: fetch, find out whose signets are needed, open, judge.

use dime_wire::keys::{AlternateKey, Kek};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{
    Actor, ChunkType, CommonHeaders, DestinationEnvelope, Envelope, ExpandError, MAXIMUM_EXPANSION,
    Message, OpenError, Opened, OriginEnvelope, PAYLOAD_HEAD, ParseError, Part, Signets,
    TreeSignature, open_as_recipient,
};

use super::attachment::Attachment;
use super::{AccessError, Inner, UserAgent, done};
use crate::resolver::{Remedy, ResolveError};

/// What came out of a letter in the mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It holds in every respect.
    Letter(Box<ReceivedLetter>),
    /// It does not, or could not be judged.
    Rejected(RejectedLetter),
}

/// A letter whose every signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedLetter {
    /// Identity of the message: SHA-512 over chunks 2 to 226.
    pub identity: [u8; 64],
    /// Who is involved.
    pub envelope: Envelope,
    /// The common headers.
    pub common: CommonHeaders,
    /// All other headers.
    pub other_headers: Vec<u8>,
    /// The body.
    pub body: Vec<Vec<u8>>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// What was verified.
    pub verdicts: Verdicts,
}

/// The signatures of a letter. A letter in which a required one does not verify is rejected, so
/// what is optional is all that can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// The author's tree signature verified in this form; so did the author's full signature and
    /// the plaintext signature of every chunk.
    pub author: TreeSignature,
    /// The origin's full signature verified.
    pub origin: bool,
    /// The origin's signature for metadata bounces is there and verified.
    pub metadata_bounce: bool,
    /// The origin's signature for display bounces is there and verified.
    pub display_bounce: bool,
}

/// A letter that is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLetter {
    /// Identity of the message; zero if it could not be parsed.
    pub identity: [u8; 64],
    /// Its place in the mailbox, from 1.
    pub index: usize,
    /// Why.
    pub reason: RejectReason,
}

/// Why a letter is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// It is not a message.
    #[error("letter is not a message: {0}")]
    NotAMessage(#[from] ParseError),
    /// Somebody whose signature it bears cannot be found or trusted.
    #[error("failed to find who is involved: {0}")]
    Resolve(#[from] ResolveError),
    /// It does not open, or a signature does not hold.
    #[error("letter does not hold: {0}")]
    Open(#[from] OpenError),
    /// A compressed part is not what its author says, or too much.
    #[error("letter does not unfold: {0}")]
    Expand(#[from] ExpandError),
}

impl RejectReason {
    /// Whether the letter will be judged anew the next time.
    pub fn is_temporary(&self) -> bool {
        matches!(self, RejectReason::Resolve(error) if error.remedy() == Remedy::Later)
    }
}

/// Why the mailbox could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to read the mailbox: {0}")]
pub struct ReceiveError(#[from] pub AccessError);

impl UserAgent {
    /// Fetches and judges the letters that were not received before, oldest first.
    ///
    /// A letter that could not be judged for a passing reason comes again the next time.
    ///
    /// # Errors
    /// [`ReceiveError`] if the own server cannot be used or refuses.
    pub async fn receive(&self) -> Result<Vec<Received>, ReceiveError> {
        let mut received = Vec::new();
        for (index, message) in self.fetch_unread().await? {
            let judged = self.open(&message).await;
            let temporary = matches!(&judged, Err(reason) if reason.is_temporary());
            if !temporary {
                self.inner.state().read.insert(index);
            }
            received.push(match judged {
                Ok(letter) => Received::Letter(Box::new(letter)),
                Err(reason) => Received::Rejected(RejectedLetter {
                    identity: Message::parse(&message).map_or([0; 64], |m| m.identity()),
                    index,
                    reason,
                }),
            });
        }
        Ok(received)
    }

    /// Opens and judges a message as its recipient.
    ///
    /// # Errors
    /// [`RejectReason`].
    pub async fn open(&self, bytes: &[u8]) -> Result<ReceivedLetter, RejectReason> {
        let inner = &self.inner;
        let message = Message::parse(bytes)?;
        let (origin, destination) = read_envelopes(inner, &message)?;
        let resolver = &inner.parts.resolver;
        let author = resolver
            .user(&origin.author, Some(&origin.author_fingerprint))
            .await?;
        let sender = resolver.organization(&destination.origin).await?;
        let own = resolver.organization(&origin.destination).await?;
        let signets = Signets {
            author: &author.signet,
            origin: &sender.signet,
            destination: &own.signet,
            recipient: &inner.config.signet,
        };
        let alternate: Vec<AlternateKey> = inner.config.alternate.iter().cloned().collect();
        let key = &inner.config.keys.encryption;
        let opened = open_as_recipient(&message, key, &signets, &alternate)?;
        letter(message.identity(), opened)
    }

    /// All letters not read before, with their places in the mailbox.
    async fn fetch_unread(&self) -> Result<Vec<(usize, Vec<u8>)>, AccessError> {
        let mut line = self.inner.log_in().await?;
        let listed = done("LIST", line.list().await?)?.listing.len();
        let mut letters = Vec::new();
        for index in 1..=listed {
            if self.inner.state().read.contains(&index) {
                continue;
            }
            let fetched = done("FETCH", line.fetch(index).await?)?;
            letters.extend(fetched.letter.map(|letter| (index, letter)));
        }
        line.logout().await;
        Ok(letters)
    }
}

/// The envelopes, to know whose signets to look up. Nothing in them is verified yet.
fn read_envelopes(
    inner: &Inner,
    message: &Message<'_>,
) -> Result<(OriginEnvelope, DestinationEnvelope), OpenError> {
    let kek = Kek::derive(&inner.config.keys.encryption, message.ephemeral());
    let origin = unverified(message, &kek, ChunkType::Origin)?;
    let destination = unverified(message, &kek, ChunkType::Destination)?;
    Ok((
        OriginEnvelope::parse(&origin)?,
        DestinationEnvelope::parse(&destination)?,
    ))
}

/// The data of a standard chunk, decrypted through the recipient's keyslot.
fn unverified(message: &Message<'_>, kek: &Kek, kind: ChunkType) -> Result<Vec<u8>, OpenError> {
    let chunk = message.chunk(kind).ok_or(OpenError::Incomplete(kind))?;
    let slot = chunk
        .slot(Actor::Recipient)
        .ok_or(OpenError::Undecryptable)?;
    let mut payload = chunk.payload.to_vec();
    ChunkKey::from_keyslot(kek, slot).decrypt(&mut payload);
    // Three bytes of length stand behind the 64 of the signature, big-endian.
    let length = match payload.get(64..67) {
        Some(&[high, middle, low]) => {
            usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
        }
        _ => return Err(OpenError::Undecryptable),
    };
    payload
        .get(PAYLOAD_HEAD..)
        .and_then(|data| data.get(..length))
        .map(<[u8]>::to_vec)
        .ok_or(OpenError::Undecryptable)
}

/// The letter that was opened, its compressed parts expanded; all together to [`MAXIMUM_EXPANSION`]
/// at most.
fn letter(identity: [u8; 64], opened: Opened) -> Result<ReceivedLetter, RejectReason> {
    let missing = |kind| RejectReason::Open(OpenError::Incomplete(kind));
    let verdicts = Verdicts {
        author: opened
            .tree
            .ok_or_else(|| missing(ChunkType::TreeSignature))?,
        origin: true,
        metadata_bounce: opened.metadata_bounce,
        display_bounce: opened.display_bounce,
    };
    let mut left = MAXIMUM_EXPANSION;
    let body = unfold(opened.display, &mut left)?;
    // Others write attachments in forms of their own; theirs come whole and without a name.
    let attachments = unfold(opened.attachments, &mut left)?
        .into_iter()
        .map(|contents| {
            Attachment::parse(&contents).unwrap_or_else(|_| Attachment {
                name: String::new(),
                contents,
            })
        })
        .collect();
    Ok(ReceivedLetter {
        identity,
        envelope: opened.envelope,
        common: opened
            .common
            .ok_or_else(|| missing(ChunkType::CommonHeaders))?,
        other_headers: opened.other_headers.unwrap_or_default(),
        body,
        attachments,
        verdicts,
    })
}

/// What the parts hold, which takes its bytes from those that are `left`.
fn unfold(parts: Vec<Part>, left: &mut usize) -> Result<Vec<Vec<u8>>, ExpandError> {
    let parts = parts.into_iter().map(|part| {
        let contents = part.into_expanded(*left)?;
        *left = left.saturating_sub(contents.len());
        Ok(contents)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use dime_wire::message::TreeSignature;

    use super::*;

    fn opened(display: Vec<Part>, attachments: Vec<Part>) -> Opened {
        Opened {
            common: Some(CommonHeaders::default()),
            tree: Some(TreeSignature::Libdime),
            display,
            attachments,
            ..Opened::default()
        }
    }

    #[test]
    fn compressed_parts_are_read_as_what_they_hold() {
        let display = vec![Part::plain("plain"), Part::compressed(b"folded")];
        let letter = letter([0; 64], opened(display, vec![Part::compressed(b"file")]));
        let letter = letter.expect("a good letter");
        assert_eq!(letter.body, [b"plain".to_vec(), b"folded".to_vec()]);
        assert_eq!(letter.attachments[0].contents, b"file");
    }

    #[test]
    fn parts_share_one_limit() {
        let parts = || vec![Part::compressed(&[0; 400]), Part::plain([1; 600])];
        let mut left = 1000;
        assert_eq!(
            unfold(parts(), &mut left),
            Ok(vec![vec![0; 400], vec![1; 600]])
        );
        assert_eq!(left, 0);
        let mut short = 999;
        let refused = unfold(parts(), &mut short);
        assert_eq!(refused, Err(ExpandError::TooLarge(599)));
        let reason = RejectReason::from(ExpandError::TooLarge(599));
        assert!(!reason.is_temporary());
    }
}
