//! Every type of the crate that holds a secret: it prints none of it, and wipes it on drop.

use std::fmt::Debug;

use dime_wire::Profile;
use dime_wire::alternate::Agreement;
use dime_wire::encoding::encode_unpadded;
use dime_wire::keys::{AlternateKey, EncryptionKey, Kek, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{ChunkType, MessageEntropy as _, SealOptions, StreamEntropy};
use dime_wire::stacie::{Key, RealmKey, Token};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use zeroize::ZeroizeOnDrop;

/// How many bytes of a secret in a row count as showing it.
const WINDOW: usize = 6;

/// Fails if `value` shows a part of `secret`: as text, numbers in decimal or hex, hex or base64.
fn shows_nothing_of(value: &dyn Debug, secret: &[u8]) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        let flat: String = shown.split_whitespace().collect();
        for window in secret.windows(WINDOW) {
            let forms = [
                window.iter().map(|byte| format!("{byte:02x}")).collect(),
                window.iter().map(|byte| format!("{byte:02X}")).collect(),
                join(window.iter().map(u8::to_string)),
                join(window.iter().map(|byte| format!("0x{byte:02x}"))),
                encode_unpadded(window),
                String::from_utf8_lossy(window).into_owned(),
            ];
            let found = forms.iter().find(|form| flat.contains(form.as_str()));
            assert_eq!(found, None, "in {shown}");
        }
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// Up to 64 bytes, none of them printable text; bytes 60 to 63 are the first four again.
fn secret<const N: usize>() -> [u8; N] {
    std::array::from_fn(|at| 0x81 + (at as u8) * 2 % 120)
}

#[test]
fn the_search_finds_what_is_shown() {
    let bytes = secret::<32>();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for shown in [format!("{bytes:?}"), hex, format!("{bytes:#04x?}")] {
        let value = format_args!("{shown}").to_string();
        let found = std::panic::catch_unwind(|| {
            struct Shown(String);
            impl Debug for Shown {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(&self.0)
                }
            }
            shows_nothing_of(&Shown(value.clone()), &secret::<32>());
        });
        assert!(found.is_err(), "{value}");
    }
}

#[test]
fn no_key_is_printed() {
    let bytes = secret::<32>();
    let signing = SigningKey::from_seed(bytes);
    let encryption = EncryptionKey::derive(bytes);
    let alternate = AlternateKey::from_bytes(bytes);
    let scalar = encryption.to_bytes();
    shows_nothing_of(&signing, &bytes);
    shows_nothing_of(&signing.sign_stream(), &bytes);
    shows_nothing_of(&encryption, scalar.as_slice());
    shows_nothing_of(&alternate, alternate.to_bytes().as_slice());
    let keys = PrivateKeys {
        signing,
        encryption,
    };
    shows_nothing_of(&keys, &bytes);
    shows_nothing_of(&keys, scalar.as_slice());
    let options = SealOptions {
        signers: [(ChunkType::Origin, keys.signing.clone())].into(),
        ..SealOptions::default()
    };
    shows_nothing_of(&options, &bytes);
}

#[test]
fn no_shared_or_derived_secret_is_printed() {
    let bytes = secret::<32>();
    let own = EncryptionKey::derive(bytes);
    let kek = Kek::derive(&own, &EncryptionKey::derive([1; 32]).public());
    shows_nothing_of(&kek, kek.key());
    shows_nothing_of(&kek, kek.iv());
    let chunk = ChunkKey::new(bytes, secret());
    shows_nothing_of(&chunk, &bytes);
    let alternate = AlternateKey::from_bytes(bytes);
    let other = AlternateKey::from_bytes([1; 32]).public();
    let shared = alternate.agree(&other).expect("is no point of small order");
    let agreement = Agreement::as_recipient(&alternate, &other).expect("the same");
    shows_nothing_of(&agreement, shared.as_slice());
    let long = secret::<64>();
    let (key, token) = (Key::from_bytes(long), Token::from_bytes(long));
    shows_nothing_of(&key, &long);
    shows_nothing_of(&token, &long);
    shows_nothing_of(&RealmKey::from_bytes(long), &long);
}

#[test]
fn no_randomness_is_printed() {
    let bytes = secret::<32>();
    let mut entropy = StreamEntropy(ChaCha20Rng::from_seed(bytes));
    shows_nothing_of(&entropy, &bytes);
    let drawn = entropy.ephemeral_key();
    shows_nothing_of(&entropy, &drawn);
}

#[test]
fn no_error_about_a_key_file_prints_what_was_in_it() {
    let keys = PrivateKeys {
        signing: SigningKey::from_seed(secret()),
        encryption: EncryptionKey::derive(secret()),
    };
    let file = keys.to_file(KeyOwner::User, Profile::Libdime);
    let armored = keys.to_armor(KeyOwner::User, Profile::Libdime);
    for cut in 0..file.len() {
        let error = PrivateKeys::from_file(&file[..cut]).expect_err("is cut short");
        shows_nothing_of(&error, &secret::<32>());
    }
    for cut in 0..armored.len() - 1 {
        if let Err(error) = PrivateKeys::from_armor(&armored[..cut]) {
            shows_nothing_of(&error, armored.as_bytes());
        }
    }
}

#[test]
fn every_type_that_holds_a_secret_wipes_it_on_drop() {
    fn wipes<T: ZeroizeOnDrop>() {}
    wipes::<SigningKey>();
    wipes::<EncryptionKey>();
    wipes::<AlternateKey>();
    wipes::<PrivateKeys>();
    wipes::<Kek>();
    wipes::<ChunkKey>();
    wipes::<Key>();
    wipes::<Token>();
    wipes::<RealmKey>();
    wipes::<dime_wire::stacie::Keys>();
}
