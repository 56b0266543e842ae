//! The shapes of all vector files, as types that allow nothing else: the recorded files and our own have
//! them, and the JSON Schemas in `impls/wire/vectors/schema` say the same.

#[expect(dead_code, reason = "the fields are the shape; nobody reads them")]
mod messages;
#[expect(dead_code, reason = "the fields are the shape; nobody reads them")]
mod others;
#[expect(dead_code, reason = "the fields are the shape; nobody reads them")]
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value;

use messages::{Bounces, Custody, Messages, Recorded, Refused, Signets, Worlds};
use others::{Dmtp, KeyFiles, Parsers, Primitives, Records, Stacie, Tables};

/// A kind of file: the name of its schema, the files that have it, the schema, and the reader.
struct Kind {
    schema: &'static str,
    files: &'static [&'static str],
    to_json: fn() -> Value,
    read: fn(&str) -> Result<(), serde_json::Error>,
}

fn kind<T: DeserializeOwned + JsonSchema>(
    schema: &'static str,
    files: &'static [&'static str],
) -> Kind {
    Kind {
        schema,
        files,
        to_json: || schema_for!(T).to_value(),
        read: |text| serde_json::from_str::<T>(text).map(drop),
    }
}

fn kinds() -> Vec<Kind> {
    vec![
        kind::<Worlds>("worlds", &["libdime/worlds.json", "dimespec/worlds.json"]),
        kind::<Signets>(
            "signets",
            &[
                "libdime/signets_context.json",
                "libdime/signets_corrupt.json",
                "libdime/signets_valid.json",
            ],
        ),
        kind::<Recorded>("messages_valid", &["libdime/messages_valid.json"]),
        kind::<Refused>(
            "messages_encrypt_errors",
            &["libdime/messages_encrypt_errors.json"],
        ),
        kind::<Messages>(
            "messages",
            &[
                "libdime/messages_corrupt.json",
                "dimespec/messages_alternate.json",
                "dimespec/messages_hardened.json",
                "dimespec/messages_parts.json",
                "dimespec/messages_signatures.json",
            ],
        ),
        kind::<Bounces>("bounces", &["dimespec/bounces.json"]),
        kind::<Custody>("custody", &["dimespec/custody.json"]),
        kind::<KeyFiles>("keyfiles", &["libdime/keyfiles.json"]),
        kind::<Primitives>("primitives", &["libdime/primitives.json"]),
        kind::<Parsers>("parsers", &["libdime/parsers.json"]),
        kind::<Records>("mrec", &["libdime/mrec.json"]),
        kind::<Dmtp>("dmtp", &["libdime/dmtp.json"]),
        kind::<Stacie>("stacie", &["libdime/stacie.json"]),
        kind::<Tables>("tables", &["libdime/tables.json"]),
    ]
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors")
}

fn read(path: &str) -> String {
    fs::read_to_string(vectors().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_vector_file_has_exactly_the_shape_of_its_schema() {
    let mut read_files = BTreeMap::new();
    for kind in kinds() {
        for file in kind.files {
            (kind.read)(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            read_files.insert((*file).to_owned(), ());
        }
    }
    for folder in ["libdime", "dimespec"] {
        for entry in fs::read_dir(vectors().join(folder)).expect("the folder is there") {
            let name = entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name");
            let file = format!("{folder}/{name}");
            let is_known = read_files.contains_key(&file) || !file.ends_with(".json");
            assert!(is_known, "{file} has no schema");
        }
    }
}

/// The checked-in files must say what the types say; `UPDATE_SCHEMA=1` rewrites them.
#[test]
fn the_checked_in_schemas_are_current() {
    for kind in kinds() {
        let path = vectors()
            .join("schema")
            .join(format!("{}.schema.json", kind.schema));
        let current = format!("{:#}\n", (kind.to_json)());
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            fs::write(&path, &current).expect("the schema file is writable");
        }
        let checked_in = fs::read_to_string(&path).expect("the schema file exists");
        assert!(
            checked_in == current,
            "{} is not current; run with UPDATE_SCHEMA=1",
            path.display()
        );
    }
}

#[test]
fn a_member_that_no_schema_knows_is_refused() {
    let text = read("dimespec/custody.json").replacen("\"chain\"", "\"chains\"", 1);
    assert!(serde_json::from_str::<Custody>(&text).is_err());
    let text = read("dimespec/worlds.json");
    let damaged = text.replacen("private_hex\": \"", "private_hex\": \"XY", 1);
    assert_ne!(text, damaged);
    assert!(serde_json::from_str::<Worlds>(&damaged).is_err());
}
