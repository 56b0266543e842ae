//! What a reader leaves open: choices between accepting more, as the format means it, and less, as
//! libdime does.

use super::{TreeSignature, Workers};
use crate::keys::VerifyingKey;
use crate::signet::{Signet, SignetError};

/// A reader's choices. The default accepts what our rulings accept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReadPolicy {
    /// By which of its keys an origin may sign a message.
    pub origin_keys: OriginKeys,
    /// The one form of the author's tree signature that is accepted; either if not given.
    /// [`super::Opened::tree`] reports which it was.
    pub tree: Option<TreeSignature>,
    /// Whether messages that are not of the hardened profile (`HARDENED.md`) are refused. The
    /// destination cannot tell and takes both.
    pub require_hardened: bool,
    /// How many threads one message may take.
    pub workers: Workers,
}

/// By which of its keys an origin may sign chunks 248, 249 and 255.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum OriginKeys {
    /// The POK and every SOK that may sign messages (permission 0x02).
    #[default]
    MessageKeys,
    /// The POK alone, as libdime does (spec/90 item 27).
    PokOnly,
}

impl ReadPolicy {
    /// The keys of `origin` whose signatures under a message are accepted.
    pub(super) fn origin_keys(&self, origin: &Signet) -> Result<Vec<VerifyingKey>, SignetError> {
        match self.origin_keys {
            OriginKeys::MessageKeys => origin.message_keys(),
            OriginKeys::PokOnly => Ok(vec![origin.signing_key()?]),
        }
    }

    /// The forms of the author's tree signature to try.
    pub(super) fn tree_forms(&self) -> impl Iterator<Item = TreeSignature> {
        let wanted = self.tree;
        [TreeSignature::Libdime, TreeSignature::Intended]
            .into_iter()
            .filter(move |form| wanted.is_none_or(|wanted| wanted == *form))
    }
}
