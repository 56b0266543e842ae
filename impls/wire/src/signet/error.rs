//! The errors of everything that reads, writes and edits signets.

use super::{MAXIMUM_FIELDS, MAXIMUM_SECONDARY_KEYS, SignetKind, State};

/// Why bytes are not a signet, or a signet does not yield what was asked of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignetError {
    /// The magic number is none of 1776, 1789 and 1215.
    #[error("bytes are not a signet: unknown magic number")]
    Magic,
    /// The length in the header is not that of what follows.
    #[error("signet length is not that of its fields")]
    Length,
    /// A field runs past the end of the signet.
    #[error("signet field {0} is not complete")]
    Truncated(u8),
    /// The id has no meaning in this kind of signet.
    #[error("signet field {0} is not known")]
    UnknownField(u8),
    /// A field follows one with a higher id.
    #[error("signet field {0} is not in ascending order")]
    Order(u8),
    /// A field that may occur once occurs again.
    #[error("signet field {0} is not unique")]
    Repeated(u8),
    /// More fields than [`MAXIMUM_FIELDS`].
    #[error("signet is not within the limit of {MAXIMUM_FIELDS} fields")]
    TooManyFields,
    /// The text form is not strict padded base64.
    #[error("signet text is not strict base64")]
    Encoding,
    /// The armour is broken or its tag is not a signet's.
    #[error("text is not an armoured signet")]
    Armor,
    /// The text is not a fingerprint: 86 characters of unpadded base64.
    #[error("text is not a fingerprint")]
    Fingerprint,
    /// The signet has no field of this id.
    #[error("signet has no field {0}")]
    Missing(u8),
    /// The field does not hold a key of the expected form.
    #[error("signet field {0} is not a usable key")]
    Key(u8),
    /// More secondary keys for one purpose than [`MAXIMUM_SECONDARY_KEYS`].
    #[error("signet is not within the limit of {MAXIMUM_SECONDARY_KEYS} secondary keys")]
    TooManyKeys,
    /// The operation is not defined for this kind of signet.
    #[error("signet kind is not suitable: {0:?}")]
    Kind(SignetKind),
    /// The structure is below what the operation needs.
    #[error("signet is not complete enough: {0:?}")]
    Structure(State),
    /// The key that should sign is not the one in the signet.
    #[error("signing key is not the key in the signet")]
    WrongKey,
    /// The self signature of the request does not verify.
    #[error("request is not signed by its own key")]
    SelfSignature,
    /// An SSR whose alternate key has the 1-byte length of old writers cannot become a user signet.
    #[error("alternate key is not written in the form of the profile")]
    AlternateForm,
    /// The field's value does not fit its length, or may not be set by a caller.
    #[error("failed to write signet field {0}")]
    Value(u8),
    /// The domain or address is not well formed.
    #[error("identifier is not a domain or address: {0:?}")]
    Identifier(String),
    /// A user's signet is to be signed without the signet of its organization, or that signet is
    /// not sound under its own POK, or its keys cannot be listed.
    #[error("signet of the issuing organization is missing or not sound")]
    Issuer,
    /// The signets are not two forms of the same one.
    #[error("signets are not forms of one signet")]
    Unrelated,
    /// The data is not a PNG image within the limits.
    #[error("photo is not a png image within the limits")]
    Photo,
}
