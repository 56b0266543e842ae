//! The stages of recorded signets, made again with the editor: request, cryptographic, full and
//! identified signet must come out as libdime wrote them.

use dime_wire::keys::SigningKey;
use dime_wire::signet::{FingerprintKind, Signet, SignetEditor, SignetKind};
use serde_json::Value;

const WORLDS: &str = include_str!("../vectors/libdime/worlds.json");

/// One recorded world.
struct World(Value);

impl World {
    fn all() -> Vec<Self> {
        let mut file: Value = serde_json::from_str(WORLDS).expect("a recorded file");
        let worlds = file["worlds"].take();
        let worlds: Vec<Value> = serde_json::from_value(worlds).expect("a list of worlds");
        assert_eq!(worlds.len(), 2);
        worlds.into_iter().map(Self).collect()
    }

    fn signet(&self, name: &str) -> Signet {
        let text = self.0["signets_b64"][name]
            .as_str()
            .expect("a recorded signet");
        Signet::from_base64(text).expect("a good signet")
    }

    fn key(&self, name: &str) -> SigningKey {
        let text = self.0["keys"][name]["ed25519_private_hex"].as_str();
        let seed = hex::decode(text.expect("a recorded key")).expect("hexadecimal");
        SigningKey::from_seed(seed.try_into().expect("32 bytes"))
    }
}

/// Sets the informational fields of `wanted`, then signs to the end, comparing every stage.
fn finish(mut editor: SignetEditor, wanted: &Signet, key: &SigningKey, issuer: Option<&Signet>) {
    editor.sign_cryptographic(key, issuer).expect("a good key");
    let cryptographic = wanted.split(FingerprintKind::Cryptographic);
    assert_eq!(Ok(editor.signet()), cryptographic.as_ref());
    for field in wanted
        .fields()
        .filter(|field| (16..=252).contains(&field.id))
    {
        match field.name {
            Some(name) => editor.add_named(name, field.data),
            None => editor.add(field.id, field.data),
        }
        .expect("a recorded field");
    }
    editor.sign_full(key, issuer).expect("a good key");
    assert_eq!(
        Ok(editor.signet()),
        wanted.split(FingerprintKind::Full).as_ref()
    );
    let Some(identifier) = wanted.identifier() else {
        return;
    };
    editor.set_identifier(identifier).expect("a recorded name");
    editor.sign_identified(key, issuer).expect("a good key");
    assert_eq!(editor.signet(), wanted);
}

#[test]
fn user_signets_come_out_as_recorded() {
    for world in World::all() {
        let origin = world.signet("origin_soks_id");
        for (request, signet, key) in [
            ("author_ssr", "author_id", "origin"),
            ("author_ssr", "author_alloptional_id", "origin"),
            ("author_rotated_coc_ssr", "author_rotated_coc_id", "origin"),
            ("author_ssr", "author_by_sok_signet_id", "origin_sok_signet"),
            ("author_ssr", "author_by_sok_all_id", "origin_sok_all"),
        ] {
            let (request, wanted) = (world.signet(request), world.signet(signet));
            assert_eq!(wanted.to_request().as_ref(), Ok(&request));
            finish(request.edit(), &wanted, &world.key(key), Some(&origin));
        }
    }
}

#[test]
fn organization_signets_come_out_as_recorded() {
    for world in World::all() {
        for (signet, key) in [
            ("origin_id", "origin"),
            ("origin_soks_id", "origin"),
            ("origin_alloptional_id", "origin"),
            ("destination_id", "destination"),
        ] {
            let wanted = world.signet(signet);
            assert_eq!(wanted.kind(), SignetKind::Organization);
            // Taking a key out and putting it back leaves the keys without any signature.
            let mut editor = wanted
                .split(FingerprintKind::Cryptographic)
                .expect("an organization's")
                .edit();
            let keys: Vec<_> = wanted.secondary_keys().collect();
            let own = wanted.encryption_key().expect("a recorded key");
            let stranger = world
                .signet("third_id")
                .encryption_key()
                .expect("a recorded key");
            editor.set_encryption_key(&stranger).expect("a good key");
            for key in keys.iter().flatten() {
                editor
                    .remove_secondary_key(&key.key)
                    .expect("an organization's");
            }
            for key in keys.iter().flatten() {
                editor.add_secondary_key(*key).expect("an organization's");
            }
            editor.set_encryption_key(&own).expect("a good key");
            finish(editor, &wanted, &world.key(key), None);
        }
    }
}

#[test]
fn recorded_stages_rejoin() {
    for world in World::all() {
        for name in ["origin", "author", "recipient", "author_rotated_coc"] {
            let stages =
                ["crypto", "full", "id"].map(|stage| world.signet(&format!("{name}_{stage}")));
            let [cryptographic, full, identified] = &stages;
            assert_eq!(cryptographic.rejoin(identified).as_ref(), Ok(identified));
            assert_eq!(identified.rejoin(full).as_ref(), Ok(identified));
            assert_eq!(cryptographic.rejoin(full).as_ref(), Ok(full));
            assert!(full.rejoin(&world.signet("third_id")).is_err());
        }
    }
}
