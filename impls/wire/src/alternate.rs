//! The alternate layer: X25519, HKDF-SHA-512 and AES-256-GCM around the data of display chunks and
//! attachments, inside the mandated layer. The framing is ours and specified in `ALTERNATE.md`.

use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::backend::{open_gcm, seal_gcm};
use crate::keys::{AlternateKey, AlternatePublicKey};
use crate::message::ChunkType;
use crate::reader::big_endian;

/// Bytes the layer adds to a chunk's data: the GCM tag.
pub const TAG_SIZE: usize = 16;
/// Bytes of the alternate chunk's data: the message's ephemeral X25519 public key.
pub const EPHEMERAL_SIZE: usize = 32;

/// Label of the key derivation; its last character is the version of the framing.
const LABEL: &[u8] = b"dimespec alternate layer 1";

/// What author and recipient of one message share on the alternate layer.
pub struct Agreement {
    derivation: Hkdf<Sha512>,
}

impl Agreement {
    /// The author's side: the message's ephemeral secret and the recipient's alternate key
    /// (field 3 of the signet). Nothing if that key is a point of small order.
    pub fn as_author(ephemeral: &AlternateKey, recipient: &AlternatePublicKey) -> Option<Self> {
        let shared = ephemeral.agree(recipient)?;
        Some(Self::extract(&ephemeral.public(), recipient, &shared))
    }

    /// The recipient's side: the own alternate secret and the public key of the alternate chunk.
    /// Nothing if that key is a point of small order.
    pub fn as_recipient(own: &AlternateKey, ephemeral: &AlternatePublicKey) -> Option<Self> {
        let shared = own.agree(ephemeral)?;
        Some(Self::extract(ephemeral, &own.public(), &shared))
    }

    fn extract(
        ephemeral: &AlternatePublicKey,
        recipient: &AlternatePublicKey,
        shared: &[u8; 32],
    ) -> Self {
        let mut salt = [0u8; 64];
        let (left, right) = salt.split_at_mut(32);
        left.copy_from_slice(&ephemeral.0);
        right.copy_from_slice(&recipient.0);
        Self {
            derivation: Hkdf::<Sha512>::new(Some(&salt), shared),
        }
    }

    /// Encrypts `data` in place and returns the tag to append. `index` is the chunk's position in
    /// the message, the ephemeral chunk being 0; `flags` is the payload's flags byte.
    pub fn seal(
        &self,
        kind: ChunkType,
        index: usize,
        flags: u8,
        data: &mut [u8],
    ) -> [u8; TAG_SIZE] {
        let (key, nonce) = self.chunk_key(kind, index);
        seal_gcm(&key, &nonce, &associated_data(kind, index, flags), data)
            .expect("a chunk is far below the length limit of GCM")
    }

    /// Decrypts ciphertext and tag in place and leaves the plaintext; nothing tells why it failed.
    pub fn open(&self, kind: ChunkType, index: usize, flags: u8, data: &mut Vec<u8>) -> Option<()> {
        let size = data.len().checked_sub(TAG_SIZE)?;
        let tag: [u8; TAG_SIZE] = data.get(size..)?.try_into().ok()?;
        data.truncate(size);
        let (key, nonce) = self.chunk_key(kind, index);
        open_gcm(
            &key,
            &nonce,
            &associated_data(kind, index, flags),
            data,
            &tag,
        )
    }

    /// Key (32 bytes) and nonce (12 bytes) of one chunk.
    fn chunk_key(
        &self,
        kind: ChunkType,
        index: usize,
    ) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 12]>) {
        let mut info = LABEL.to_vec();
        info.push(kind as u8);
        info.extend_from_slice(&big_endian::<4>(index));
        let mut output = Zeroizing::new([0u8; 44]);
        self.derivation
            .expand(&info, output.as_mut_slice())
            .expect("44 bytes are below the limit of HKDF");
        let (mut key, mut nonce) = (Zeroizing::new([0u8; 32]), Zeroizing::new([0u8; 12]));
        let (left, right) = output.split_at(32);
        key.copy_from_slice(left);
        nonce.copy_from_slice(right);
        (key, nonce)
    }
}

impl std::fmt::Debug for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

fn associated_data(kind: ChunkType, index: usize, flags: u8) -> [u8; 6] {
    let [a, b, c, d] = big_endian::<4>(index);
    [kind as u8, a, b, c, d, flags]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> (Agreement, Agreement) {
        let (ephemeral, recipient) = (
            AlternateKey::from_bytes([1; 32]),
            AlternateKey::from_bytes([2; 32]),
        );
        let author = Agreement::as_author(&ephemeral, &recipient.public());
        let reader = Agreement::as_recipient(&recipient, &ephemeral.public());
        (author.expect("a good key"), reader.expect("a good key"))
    }

    #[test]
    fn the_recipient_reads_what_the_author_sealed() {
        let (author, recipient) = sides();
        let mut data = b"a body".to_vec();
        let tag = author.seal(ChunkType::Display, 5, 2, &mut data);
        assert_ne!(data, b"a body");
        data.extend_from_slice(&tag);
        assert_eq!(
            recipient.open(ChunkType::Display, 5, 2, &mut data),
            Some(())
        );
        assert_eq!(data, b"a body");
    }

    #[test]
    fn type_position_and_flags_are_bound() {
        let (author, recipient) = sides();
        let mut sealed = b"a body".to_vec();
        let tag = author.seal(ChunkType::Display, 5, 2, &mut sealed);
        sealed.extend_from_slice(&tag);
        for (kind, index, flags) in [
            (ChunkType::Attachment, 5, 2),
            (ChunkType::Display, 6, 2),
            (ChunkType::Display, 5, 3),
        ] {
            assert_eq!(
                recipient.open(kind, index, flags, &mut sealed.clone()),
                None
            );
        }
    }

    #[test]
    fn data_shorter_than_a_tag_does_not_open() {
        assert_eq!(
            sides().0.open(ChunkType::Display, 0, 2, &mut vec![0; 15]),
            None
        );
    }

    #[test]
    fn the_published_vectors_hold() {
        let document = include_str!("../ALTERNATE.md");
        let secrets = [1, 2].map(|byte| AlternateKey::from_bytes([byte; 32]));
        let [ephemeral, recipient] = &secrets;
        let (author, reader) = sides();
        let shared = ephemeral.agree(&recipient.public()).expect("a good key");
        for (name, bytes) in [
            ("E", ephemeral.public().0),
            ("R", recipient.public().0),
            ("Z", *shared),
        ] {
            let line = format!("{name}    = {}\n", hex::encode(bytes));
            assert!(document.contains(&line), "{line}");
        }
        for (kind, index, flags, text) in [
            (ChunkType::Display, 6, 0x02, "a body"),
            (ChunkType::Display, 7, 0x82, "a beginning,"),
            (ChunkType::Display, 8, 0x02, "an end"),
            (ChunkType::Attachment, 9, 0x03, "an attachment"),
        ] {
            let mut data = text.as_bytes().to_vec();
            let tag = author.seal(kind, index, flags, &mut data);
            data.extend_from_slice(&tag);
            let (key, nonce) = author.chunk_key(kind, index);
            let block = format!(
                "{:02x} {index} {flags:02x} {text}\nkey   = {}\nnonce = {}\ndata  = {}\n",
                kind as u8,
                hex::encode(*key),
                hex::encode(*nonce),
                hex::encode(&data)
            );
            assert!(document.contains(&block), "{block}");
            assert_eq!(reader.open(kind, index, flags, &mut data), Some(()));
            assert_eq!(data, text.as_bytes());
        }
    }
}
