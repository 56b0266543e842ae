//! A message through one actor's keyslots: what it decrypts and verifies there, and how the signets
//! used are held against the envelope. [`super::open`] decides what each actor does of it.

use super::cipher::ChunkKey;
use super::content::Joiner;
use super::envelope::EnvelopeError;
use super::letter::Signets;
use super::open::{OpenError, Opened};
use super::payload::{self, Flags};
use super::signatures::{Covered, Extent};
use super::{
    Actor, Chunk, ChunkType, CommonHeaders, DestinationEnvelope, Envelope, Message, OriginEnvelope,
    Part, ReadPolicy, TreeSignature, Workers,
};
use crate::alternate::{Agreement, EPHEMERAL_SIZE};
use crate::keys::{
    AlternateKey, AlternatePublicKey, EncryptionKey, Kek, Signature, Verifier, VerifyingKey,
};
use crate::name;
use crate::signet::{Fingerprint, FingerprintKind, Signet, SignetError, SignetKind, State};

/// A message through one actor's keyslots.
pub(super) struct View<'m, 'a> {
    pub(super) message: &'m Message<'a>,
    covered: &'m dyn Covered,
    actor: Actor,
    kek: Kek,
    policy: ReadPolicy,
}

impl<'m, 'a> View<'m, 'a> {
    pub(super) fn new(message: &'m Message<'a>, key: &EncryptionKey, actor: Actor) -> Self {
        Self::over(message, message, key, actor)
    }

    /// A view of a message whose outer signatures cover what stands elsewhere.
    pub(super) fn over(
        message: &'m Message<'a>,
        covered: &'m dyn Covered,
        key: &EncryptionKey,
        actor: Actor,
    ) -> Self {
        Self {
            message,
            covered,
            actor,
            kek: Kek::derive(key, message.ephemeral()),
            policy: ReadPolicy::default(),
        }
    }

    /// The same view with another policy than the default.
    pub(super) fn under(self, policy: ReadPolicy) -> Self {
        Self { policy, ..self }
    }

    fn decrypt(&self, chunk: &Chunk<'_>) -> Result<Vec<u8>, OpenError> {
        let slot = chunk.slot(self.actor).ok_or(OpenError::Undecryptable)?;
        Ok(ChunkKey::from_keyslot(&self.kek, slot).decrypt_to_vec(chunk.payload))
    }

    fn read(&self, chunk: &Chunk<'_>, author: Option<&Verifier>) -> Result<Part, OpenError> {
        payload::read(self.decrypt(chunk)?, author).ok_or(OpenError::Undecryptable)
    }

    /// A single chunk whose data is text or a key: no flag but alternate padding makes sense. Without
    /// the author's key nobody answers for the flags, so wrong ones are a failure to decrypt.
    pub(super) fn standard(
        &self,
        kind: ChunkType,
        author: Option<&Verifier>,
    ) -> Result<Part, OpenError> {
        let part = self.read(
            self.message
                .chunk(kind)
                .ok_or(OpenError::Incomplete(kind))?,
            author,
        )?;
        match author {
            _ if Flags::ALTERNATE_PADDING.includes(part.flags) => Ok(part),
            Some(_) => Err(OpenError::Flags(kind)),
            None => Err(OpenError::Undecryptable),
        }
    }

    pub(super) fn origin_envelope(
        &self,
        author: Option<&Verifier>,
    ) -> Result<OriginEnvelope, OpenError> {
        self.envelope(ChunkType::Origin, author, OriginEnvelope::parse)
    }

    pub(super) fn destination_envelope(
        &self,
        author: Option<&Verifier>,
    ) -> Result<DestinationEnvelope, OpenError> {
        self.envelope(ChunkType::Destination, author, DestinationEnvelope::parse)
    }

    /// Text that is not well formed and flags that make no sense are the author's mistake only if the
    /// author signed them. Whoever cannot verify that must not tell them from a failure to decrypt, or
    /// an origin could try changed ciphertext on a destination. With an author to verify, whatever
    /// fails costs a verification, so that time does not tell wrong padding from wrong text either.
    fn envelope<T>(
        &self,
        kind: ChunkType,
        author: Option<&Verifier>,
        parse: impl Fn(&[u8]) -> Result<T, EnvelopeError>,
    ) -> Result<T, OpenError> {
        if self.message.chunk(kind).is_none() {
            return Err(OpenError::Incomplete(kind));
        }
        let part = self.standard(kind, None);
        let read = part.and_then(|part| Ok(parse(&part.data)?));
        read.map_err(
            |error| match author.map(|author| self.standard(kind, Some(author))) {
                Some(Ok(_)) => error,
                Some(Err(flags @ OpenError::Flags(_))) => flags,
                _ => OpenError::Undecryptable,
            },
        )
    }

    pub(super) fn signature(&self, kind: ChunkType) -> Result<Option<Signature>, OpenError> {
        let Some(chunk) = self.message.chunk(kind) else {
            return Ok(None);
        };
        let plain = self.decrypt(chunk)?;
        plain
            .try_into()
            .map(|bytes| Some(Signature(bytes)))
            .map_err(|_| OpenError::Undecryptable)
    }

    /// Verifies the author's tree and full signatures, and has the form of the former.
    pub(super) fn author_signatures(
        &self,
        author: &Verifier,
        workers: Workers,
    ) -> Result<TreeSignature, OpenError> {
        let (form, ()) = workers.judge(
            || self.tree_signature(author),
            || self.full_signature(author),
        )?;
        Ok(form)
    }

    fn tree_signature(&self, author: &Verifier) -> Result<TreeSignature, OpenError> {
        let tree = self
            .signature(ChunkType::TreeSignature)?
            .ok_or(OpenError::TreeSignature)?;
        let forms = self.policy.tree_forms();
        let mut fitting = forms.filter(|form| author.verify(&self.covered.tree(*form), &tree));
        fitting.next().ok_or(OpenError::TreeSignature)
    }

    fn full_signature(&self, author: &Verifier) -> Result<(), OpenError> {
        let full = self
            .signature(ChunkType::AuthorSignature)?
            .ok_or(OpenError::AuthorSignature)?;
        let extent = Extent::Through(ChunkType::TreeSignature);
        if self.covered.verifies(extent, author, &full) {
            Ok(())
        } else {
            Err(OpenError::AuthorSignature)
        }
    }

    /// Verifies what the origin signed, and notes which bounce signatures there are.
    pub(super) fn origin_signatures(
        &self,
        origin: &Signet,
        opened: &mut Opened,
        workers: Workers,
    ) -> Result<(), OpenError> {
        let keys = self.origin_keys(origin)?;
        let present = |kind| self.message.chunk(kind).is_some();
        opened.metadata_bounce = present(ChunkType::MetadataBounce);
        opened.display_bounce = present(ChunkType::DisplayBounce);
        let bounces = || {
            if opened.metadata_bounce {
                self.origin_signature(ChunkType::MetadataBounce, &keys)?;
            }
            if opened.display_bounce {
                self.origin_signature(ChunkType::DisplayBounce, &keys)?;
            }
            Ok(())
        };
        let whole = || self.origin_signature(ChunkType::OriginSignature, &keys);
        workers.judge(bounces, whole).map(|_| ())
    }

    /// How many threads are worth while.
    pub(super) fn workers(&self) -> Workers {
        let chunks = self.message.chunks().iter();
        let size = chunks.map(|chunk| chunk.bytes.len()).sum();
        self.policy.workers.on_size(size)
    }

    /// The keys by which an origin may sign messages under the reader's policy.
    pub(super) fn origin_keys(&self, origin: &Signet) -> Result<Vec<Verifier>, OpenError> {
        let keys = self.policy.origin_keys(origin);
        let keys = keys.map_err(|error| OpenError::Signet(Actor::Origin, error))?;
        Ok(keys.iter().map(VerifyingKey::verifier).collect())
    }

    /// Verifies one of the three signatures of the origin, which must be there.
    pub(super) fn origin_signature(
        &self,
        kind: ChunkType,
        keys: &[Verifier],
    ) -> Result<(), OpenError> {
        let signature = self.signature(kind)?.ok_or(OpenError::Incomplete(kind))?;
        if signature.0 == [0; 64] {
            return Err(OpenError::NeverSigned(kind));
        }
        let extent = match kind {
            ChunkType::MetadataBounce => Extent::Through(ChunkType::OtherHeaders),
            ChunkType::DisplayBounce => Extent::Through(ChunkType::Display),
            _ => Extent::Before(kind),
        };
        let verifies = |key| self.covered.verifies(extent, key, &signature);
        if keys.iter().any(verifies) {
            Ok(())
        } else {
            Err(OpenError::OriginSignature(kind))
        }
    }

    /// Both envelopes against all four signets and each other, with the author's plaintext signatures.
    pub(super) fn judge_envelopes(
        &self,
        signets: &Signets<'_>,
    ) -> Result<(Opened, Verifier), OpenError> {
        let author = user_key(Actor::Author, signets.author)?.verifier();
        let origin = self.origin_envelope(Some(&author))?;
        let signer = self.destination_signer(&author, &origin);
        let destination = self.destination_envelope(Some(&signer))?;
        user_key(Actor::Recipient, signets.recipient)?;
        check_organization(Actor::Origin, signets.origin)?;
        check_organization(Actor::Destination, signets.destination)?;
        let consistent = || {
            check_origin_envelope(&origin, signets.author, signets.destination)?;
            self.check_hardening(&origin, &author)?;
            check_destination_envelope(&destination, signets.recipient, signets.origin)?;
            check_domain(Actor::Author, &origin.author, &destination.origin)?;
            check_domain(
                Actor::Recipient,
                &destination.recipient,
                &origin.destination,
            )
        };
        self.signed(
            &[
                (ChunkType::Origin, &author),
                (ChunkType::Destination, &signer),
            ],
            consistent(),
        )?;
        let opened = Opened {
            hardened: origin.message_key.is_some(),
            envelope: Envelope::new(Some(origin), Some(destination)),
            ..Opened::default()
        };
        Ok((opened, author))
    }

    /// What was found wrong with envelopes is their signer's mistake only under that one's signature.
    /// Of another author than the one whose signet is at hand nothing can be verified.
    pub(super) fn signed(
        &self,
        chunks: &[(ChunkType, &Verifier)],
        found: Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        if found != Err(OpenError::Fingerprint(Actor::Author)) {
            for (kind, key) in chunks {
                self.standard(*kind, Some(key))?;
            }
        }
        found
    }

    /// The alternate layer as the author opens it: only with the message's ephemeral secret, if it
    /// was kept.
    pub(super) fn layer_as_author(
        &self,
        author: &Verifier,
        recipient: &Signet,
        kept: Option<&AlternateKey>,
    ) -> Result<Layer, OpenError> {
        let ephemeral = self.alternate_ephemeral(author)?;
        let kept = kept.filter(|kept| ephemeral == Some(kept.public()));
        let keys = recipient.alternate_keys();
        let agreements = kept
            .zip(keys.first())
            .and_then(|(kept, public)| Agreement::as_author(kept, public))
            .into_iter()
            .collect();
        Ok(Layer {
            present: ephemeral.is_some(),
            agreements,
        })
    }

    /// The alternate layer as the recipient opens it, with any of its own keys.
    pub(super) fn layer_as_recipient(
        &self,
        author: &Verifier,
        own: &[AlternateKey],
    ) -> Result<Layer, OpenError> {
        let ephemeral = self.alternate_ephemeral(author)?;
        let agreements = ephemeral.iter().flat_map(|public| {
            own.iter()
                .map(|own| Agreement::as_recipient(own, public).ok_or(OpenError::AlternateKey))
        });
        Ok(Layer {
            present: ephemeral.is_some(),
            agreements: agreements.collect::<Result<_, _>>()?,
        })
    }

    /// Refuses a message key that is the author's own, which would harden nothing, and a message
    /// that is not of the hardened profile if the policy wants it to be.
    pub(super) fn check_hardening(
        &self,
        envelope: &OriginEnvelope,
        author: &VerifyingKey,
    ) -> Result<(), OpenError> {
        match &envelope.message_key {
            Some(key) if key == author => Err(OpenError::MessageKey),
            None if self.policy.require_hardened => Err(OpenError::NotHardened),
            _ => Ok(()),
        }
    }

    /// Whose plaintext signature chunk 5 bears: the message's own key if the author's signature on
    /// chunk 4 certifies one, else the author (`HARDENED.md` §5).
    fn destination_signer(&self, author: &Verifier, origin: &OriginEnvelope) -> Verifier {
        let certified = || self.standard(ChunkType::Origin, Some(author)).is_ok();
        origin
            .message_key
            .filter(|_| certified())
            .map_or(*author, |key| key.verifier())
    }

    fn alternate_ephemeral(
        &self,
        author: &Verifier,
    ) -> Result<Option<AlternatePublicKey>, OpenError> {
        if self.message.chunk(ChunkType::Alternate).is_none() {
            return Ok(None);
        }
        let part = self.standard(ChunkType::Alternate, Some(author))?;
        let key: Result<[u8; EPHEMERAL_SIZE], _> = part.data.try_into();
        let key = AlternatePublicKey(key.map_err(|_| OpenError::AlternateKey)?);
        // The author's mistake, also to a reader who has no key of its own to find it with.
        if key.is_small_order() {
            return Err(OpenError::AlternateKey);
        }
        Ok(Some(key))
    }

    pub(super) fn contents(
        &self,
        author: &Verifier,
        layer: &Layer,
        opened: &mut Opened,
    ) -> Result<(), OpenError> {
        self.headers(author, opened)?;
        opened.display = self.parts(ChunkType::Display, author, layer)?;
        opened.attachments = self.parts(ChunkType::Attachment, author, layer)?;
        if layer.is_sealed() {
            opened.still_sealed = (0..opened.display.len()).collect();
            opened.attachments_still_sealed = (0..opened.attachments.len()).collect();
        }
        Ok(())
    }

    /// Reads common and other headers.
    pub(super) fn headers(&self, author: &Verifier, opened: &mut Opened) -> Result<(), OpenError> {
        let common = self.standard(ChunkType::CommonHeaders, Some(author))?;
        opened.common = Some(CommonHeaders::parse(&common.data)?);
        if self.message.chunk(ChunkType::OtherHeaders).is_some() {
            opened.other_headers = Some(self.standard(ChunkType::OtherHeaders, Some(author))?.data);
        }
        Ok(())
    }

    /// The parts of a type, each joined from its chunks.
    fn parts(
        &self,
        kind: ChunkType,
        author: &Verifier,
        layer: &Layer,
    ) -> Result<Vec<Part>, OpenError> {
        let mut joiner = Joiner::default();
        let chunks = self.message.chunks().iter().enumerate();
        for (index, chunk) in chunks.filter(|(_, chunk)| chunk.kind == kind) {
            let piece = self.piece(chunk, index, author, layer)?;
            joiner.push(piece).ok_or(OpenError::Flags(kind))?;
        }
        let parts = joiner.finish().ok_or(OpenError::Flags(kind))?;
        // What is still sealed cannot be told from a gzip stream or anything else.
        if layer.is_sealed() || parts.iter().all(Part::flags_fit) {
            Ok(parts)
        } else {
            Err(OpenError::Flags(kind))
        }
    }

    /// What one chunk holds of a part, opened from under the alternate layer if there is an
    /// agreement. `index` is the chunk's position in the message.
    pub(super) fn piece(
        &self,
        chunk: &Chunk<'_>,
        index: usize,
        author: &Verifier,
        layer: &Layer,
    ) -> Result<Part, OpenError> {
        let mut piece = self.read(chunk, Some(author))?;
        let layered = piece.flags.includes(Flags::ALTERNATE_KEY);
        if layered != layer.present || !Flags::KNOWN.includes(piece.flags) {
            return Err(OpenError::Flags(chunk.kind));
        }
        if layer.present && !layer.is_sealed() {
            open_alternate(&layer.agreements, chunk.kind, index, &mut piece)?;
        }
        Ok(piece)
    }
}

/// The alternate layer of a message, as far as its reader shares it with the author. It covers all
/// parts or none.
pub(super) struct Layer {
    present: bool,
    agreements: Vec<Agreement>,
}

impl Layer {
    /// Whether the parts stay under the layer, as the reader cannot open it.
    pub(super) fn is_sealed(&self) -> bool {
        self.present && self.agreements.is_empty()
    }
}

/// Opens a piece with whichever agreement fits; all but the last get a copy to try on.
fn open_alternate(
    agreements: &[Agreement],
    kind: ChunkType,
    index: usize,
    part: &mut Part,
) -> Result<(), OpenError> {
    let mut sealed = std::mem::take(&mut part.data);
    let (last, others) = agreements.split_last().ok_or(OpenError::NoAlternateKey)?;
    for agreement in others {
        let mut data = sealed.clone();
        if agreement
            .open(kind, index, part.flags.0, &mut data)
            .is_some()
        {
            part.data = data;
            return Ok(());
        }
    }
    last.open(kind, index, part.flags.0, &mut sealed)
        .ok_or(OpenError::Undecryptable)?;
    part.data = sealed;
    Ok(())
}

pub(super) fn user_key(actor: Actor, signet: &Signet) -> Result<VerifyingKey, OpenError> {
    if signet.kind() != SignetKind::User {
        return Err(OpenError::Signet(actor, SignetError::Kind(signet.kind())));
    }
    check_structure(actor, signet)?;
    signet
        .signing_key()
        .map_err(|error| OpenError::Signet(actor, error))
}

pub(super) fn check_organization(actor: Actor, signet: &Signet) -> Result<(), OpenError> {
    if signet.kind() != SignetKind::Organization {
        return Err(OpenError::Signet(actor, SignetError::Kind(signet.kind())));
    }
    check_structure(actor, signet)
}

fn check_structure(actor: Actor, signet: &Signet) -> Result<(), OpenError> {
    is_whole(signet).map_err(|error| OpenError::Signet(actor, error))
}

/// Refuses a signet that has not all that its cryptographic signature covers.
pub(super) fn is_whole(signet: &Signet) -> Result<(), SignetError> {
    let structure = signet.structure();
    if structure < State::Cryptographic {
        return Err(SignetError::Structure(structure));
    }
    Ok(())
}

pub(super) fn check_origin_envelope(
    envelope: &OriginEnvelope,
    author: &Signet,
    destination: &Signet,
) -> Result<(), OpenError> {
    check_named(
        Actor::Author,
        &envelope.author,
        &envelope.author_fingerprint,
        author,
    )?;
    check_named(
        Actor::Destination,
        &envelope.destination,
        &envelope.destination_fingerprint,
        destination,
    )
}

pub(super) fn check_destination_envelope(
    envelope: &DestinationEnvelope,
    recipient: &Signet,
    origin: &Signet,
) -> Result<(), OpenError> {
    check_named(
        Actor::Recipient,
        &envelope.recipient,
        &envelope.recipient_fingerprint,
        recipient,
    )?;
    check_named(
        Actor::Origin,
        &envelope.origin,
        &envelope.origin_fingerprint,
        origin,
    )
}

/// Refuses a name that is not in its hop's domain.
pub(super) fn check_domain(actor: Actor, name: &str, domain: &str) -> Result<(), OpenError> {
    if name::same_domain(name::domain_of(name), domain) {
        Ok(())
    } else {
        Err(OpenError::Name(actor))
    }
}

fn check_named(
    actor: Actor,
    named: &str,
    print: &Fingerprint,
    signet: &Signet,
) -> Result<(), OpenError> {
    if signet.fingerprint(FingerprintKind::Cryptographic).as_ref() != Some(print) {
        return Err(OpenError::Fingerprint(actor));
    }
    if signet
        .identifier()
        .is_some_and(|own| !name::same_identifier(own, named))
    {
        return Err(OpenError::Name(actor));
    }
    Ok(())
}
