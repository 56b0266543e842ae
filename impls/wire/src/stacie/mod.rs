//! STACIE: from a password to keys, login tokens and the encryption of stored secrets (spec/60).
//!
//! A client and a server that knows only the [`Token`] of verification agree on a login; the
//! server never learns the [`Keys`], one of which opens what it stores for the user.
//! [`Identity`] derives, [`RealmKey`] encrypts. The caller brings passwords in Unicode NFC and
//! usernames in the form the site gives them.

mod realm;
mod rounds;

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::ZeroizeOnDrop;

pub use realm::{ENVELOPE_HEADER, MAIL_REALM, MAXIMUM_SECRET, RealmForm, RealmKey};
pub use rounds::Rounds;

use crate::reader::big_endian;

/// Bytes of a salt.
pub const SALT_SIZE: usize = 128;
/// Bytes of a server's nonce.
pub const NONCE_SIZE: usize = 128;
/// Bytes of every key, token and shard.
pub const KEY_SIZE: usize = 64;
/// Fewest rounds of a key derivation.
pub const MINIMUM_ROUNDS: u32 = 8;
/// Most rounds of a key derivation, 2^24.
pub const MAXIMUM_ROUNDS: u32 = 1 << 24;
/// Longest username and longest password, in bytes. libdime has no limit; ours bounds the work that
/// one login can ask for: every round hashes both, and characters that do not count towards the
/// rounds make a password long without making its rounds few.
pub const MAXIMUM_TEXT: usize = 1024;

/// Rounds of a token derivation.
const TOKEN_ROUNDS: u32 = 8;

/// Why a derivation or an encryption was refused, or a decryption failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StacieError {
    /// The salt has another size.
    #[error("salt is not {SALT_SIZE} bytes long")]
    Salt,
    /// The nonce has another size.
    #[error("nonce is not {NONCE_SIZE} bytes long")]
    Nonce,
    /// The username is longer than [`MAXIMUM_TEXT`].
    #[error("username is not within {MAXIMUM_TEXT} bytes")]
    Username,
    /// The password is empty or longer than [`MAXIMUM_TEXT`].
    #[error("password is not between 1 and {MAXIMUM_TEXT} bytes long")]
    Password,
    /// The password is not UTF-8, or has no character that counts.
    #[error("password is not text with a visible character")]
    Characters,
    /// The number of rounds is out of range.
    #[error("rounds are not between {MINIMUM_ROUNDS} and {MAXIMUM_ROUNDS}")]
    Rounds,
    /// The secret to encrypt is empty or longer than [`MAXIMUM_SECRET`].
    #[error("secret is not between 1 and {MAXIMUM_SECRET} bytes long")]
    Secret,
    /// The envelope does not open with this key; nothing tells why.
    #[error("failed to decrypt the realm envelope")]
    Decryption,
}

/// Whose keys and tokens are derived: what client and server both know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity<'a> {
    username: &'a str,
    salt: &'a [u8; SALT_SIZE],
}

impl<'a> Identity<'a> {
    /// An account's normalized name and salt; the salt is exactly [`SALT_SIZE`] bytes long.
    pub fn new(username: &'a str, salt: &'a [u8]) -> Result<Self, StacieError> {
        if username.len() > MAXIMUM_TEXT {
            return Err(StacieError::Username);
        }
        let salt = salt.try_into().map_err(|_| StacieError::Salt)?;
        Ok(Self { username, salt })
    }

    /// Everything that takes the password (spec/60 §3); about `2 * rounds` hashes.
    pub fn derive(&self, password: &[u8], rounds: Rounds) -> Result<Keys, StacieError> {
        let seed = self.seed(password, rounds)?;
        let derive = |base: &Key| self.chain(&base.0, password, rounds.get());
        let master_key = derive(&seed);
        let password_key = derive(&master_key);
        Ok(Keys {
            seed,
            master_key,
            password_key,
        })
    }

    /// What the server stores: made from the password key, which proves a password change.
    pub fn verification_token(&self, password_key: &Key) -> Token {
        Token(self.chain(&password_key.0, &[], TOKEN_ROUNDS))
    }

    /// What the client sends and the server makes from its stored token: good for one `nonce`,
    /// which is exactly [`NONCE_SIZE`] bytes long and never used twice.
    pub fn login_token(&self, verification: &Token, nonce: &[u8]) -> Result<Token, StacieError> {
        let nonce: &[u8; NONCE_SIZE] = nonce.try_into().map_err(|_| StacieError::Nonce)?;
        Ok(Token(self.chain(&verification.0.0, nonce, TOKEN_ROUNDS)))
    }

    /// HMAC-SHA-512 under the salt over the password written `rounds` times.
    fn seed(&self, password: &[u8], rounds: Rounds) -> Result<Key, StacieError> {
        if password.is_empty() || password.len() > MAXIMUM_TEXT {
            return Err(StacieError::Password);
        }
        let mut mac =
            Hmac::<Sha512>::new_from_slice(self.salt).expect("HMAC takes a key of any length");
        for _ in 0..rounds.get() {
            mac.update(password);
        }
        Ok(Key(mac.finalize().into_bytes().into()))
    }

    /// h(i) = SHA-512(h(i-1) || base || username || salt || last || i), h(-1) being empty and i
    /// three bytes.
    fn chain(&self, base: &[u8; KEY_SIZE], last: &[u8], rounds: u32) -> Key {
        let mut link = Key([0; KEY_SIZE]);
        for round in 0..rounds {
            let mut hash = Sha512::new();
            if round > 0 {
                hash.update(link.0);
            }
            hash.update(base);
            hash.update(self.username.as_bytes());
            hash.update(self.salt);
            hash.update(last);
            hash.update(big_endian::<3>(round as usize));
            link = Key(hash.finalize().into());
        }
        link
    }
}

/// What a password yields; only the user has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// The entropy extracted from the password.
    pub seed: Key,
    /// The key of the realms.
    pub master_key: Key,
    /// The key that yields the verification token.
    pub password_key: Key,
}

/// All three fields do, and may be taken out.
impl ZeroizeOnDrop for Keys {}

/// A secret of 64 bytes: seed, key or shard. Wiped on drop, compared in constant time.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Key([u8; KEY_SIZE]);

impl Key {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_SIZE]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A proof of knowing the password, 64 bytes. As secret as a key, compared in constant time.
#[derive(Clone, PartialEq, Eq, Debug, ZeroizeOnDrop)]
pub struct Token(Key);

impl Token {
    /// The token of these bytes, as stored or received.
    pub fn from_bytes(bytes: [u8; KEY_SIZE]) -> Self {
        Self(Key(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{decode_url_safe, encode_url_safe};

    pub(super) const SALT: &str = "lyrtpzN8cBRZvsiHX6y4j-pJOjIyJeuw5aVXzrItw1G4EOa-6CA4R9BhVpinkeH0UeXyOeTisHR3Ik3yuOhxbWPyesMJvfp0IBtx0f0uorb8wPnhw5BxDJVCb1TOSE50PFKGBFMkc63Koa7vMDj-WEoDj2X0kkTtlW6cUvF8i-M";
    const NONCE: &str = "oDdYAHOsiX7Nl2qTwT18onW0hZdeTO3ebxzZp6nXMTo__0_vr_AsmAm3vYRwWtSCPJz0sA2o66uhNm6YenOGz0NkHcSAVgQhKdEBf_BTYkyULDuw2fSkbO7mlnxEhxqrJEc27ZVam6ogYABfHZjgVUTAi_SICyKAN7KOMuImL2g";
    pub(super) const SHARD: &str =
        "gD65Kdeda1hB2Q6gdZl0fetGg2viLXWG0vmKN4HxE3Jp3Z0Gkt5prqSmcuY2o8t24iGSCOnFDpP71c3xl9SX9Q";

    pub(super) fn bytes(text: &str) -> Vec<u8> {
        decode_url_safe(text).expect("the table is URL-safe base64")
    }

    pub(super) fn key(text: &str) -> Key {
        Key::from_bytes(bytes(text).try_into().expect("64 bytes"))
    }

    #[test]
    fn the_table_of_the_notes_is_met() {
        let salt = bytes(SALT);
        let user = Identity::new("user@example.tld", &salt).expect("a good salt");
        let password = b"SiliconSally";
        let rounds = Rounds::for_password(password, 128).expect("a good password");
        assert_eq!(rounds.get(), 4224);
        let keys = user.derive(password, rounds).expect("good inputs");
        let verification = user.verification_token(&keys.password_key);
        let login = user
            .login_token(&verification, &bytes(NONCE))
            .expect("a good nonce");
        let text = |bytes: &[u8; KEY_SIZE]| encode_url_safe(bytes);
        insta::assert_snapshot!(
            [
                text(keys.seed.as_bytes()),
                text(keys.master_key.as_bytes()),
                text(keys.password_key.as_bytes()),
                text(verification.as_bytes()),
                text(login.as_bytes()),
            ]
            .join("\n"),
            @r"
        J7MWPKEl1fVJxa0SDreYIE-lcv6uK9BXIaRYFG6GcHxUo5pmme7i9JcYRvd_yCzg59A7gZAZmbCJ-1uRKOm7Kw
        u-pbHPk-YbEY76DFA-X55HOS8BLxPGMY6oViDUed4fXrmlV1pRIpDem26P_1RBeCaWc09btoSP3E_fEF0ffxZA
        SeoGINQ3MXFo_xPt_uxYIgOzpU1BjDj9BfNlzbvlA2vOswkAC0sDnViURlhSRa8i91z6B-pQ8etRSaBkyDG_NA
        4smP8S5oGOR_OUp_T4M1RgOnOeChgme5Xv-ZX8_kt8lYKdPTUlc4oPFgg-5rAyhiqQOfxNa5HyYaefcb_haQ9Q
        _-MOUkFbJLAEFX8I4k9Bf-8VVk9DQlETAliooUH5unLUmgPkxc2peQaQUXvyoRrM87DF3kSfFhCh_uyv3BMb7Q
        "
        );
    }

    #[test]
    fn inputs_out_of_range_are_refused() {
        let identity = |size| Identity::new("user", &[0; 256][..size]).err();
        assert_eq!(
            [127, 128, 129].map(identity),
            [Some(StacieError::Salt), None, Some(StacieError::Salt)]
        );
        let salt = [0; SALT_SIZE];
        let user = Identity::new("user", &salt).expect("a good salt");
        let least = Rounds::new(8).expect("the least");
        assert_eq!(user.derive(b"", least), Err(StacieError::Password));
        let token = user.verification_token(&Key::from_bytes([1; 64]));
        assert_eq!(user.login_token(&token, &[0; 127]), Err(StacieError::Nonce));
        let refused = |rounds| Rounds::new(rounds).is_err();
        assert_eq!(
            [0, 7, 8, MAXIMUM_ROUNDS, MAXIMUM_ROUNDS + 1].map(refused),
            [true, true, false, false, true]
        );
        assert!(Identity::new(&"u".repeat(MAXIMUM_TEXT + 1), &salt).is_err());
        let long = vec![b'p'; MAXIMUM_TEXT + 1];
        assert_eq!(user.derive(&long, least), Err(StacieError::Password));
        assert_eq!(Rounds::for_password(&long, 0), Err(StacieError::Password));
    }

    #[test]
    fn secrets_neither_print_nor_compare_by_chance() {
        let printed = format!(
            "{:?} {:?}",
            Token::from_bytes([7; 64]),
            RealmKey::from_bytes([7; 64])
        );
        assert_eq!(printed, "Token([secret]) RealmKey([secret])");
        assert_eq!(Token::from_bytes([7; 64]), Token::from_bytes([7; 64]));
        assert_ne!(Token::from_bytes([7; 64]), Token::from_bytes([8; 64]));
    }
}
