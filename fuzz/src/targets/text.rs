//! Text around and inside objects: armour, base64, management records, names, envelopes, headers.

use dime_wire::message::{CommonHeaders, DestinationEnvelope, OriginEnvelope};
use dime_wire::record::{MAXIMUM_RECORD, ManagementRecord};
use dime_wire::{armor, dissect, encoding, name};

/// What is read from armour is what armour around it is read as again.
pub fn armor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok((tag, binary)) = armor::decode(text) {
        let written = armor::encode(&tag, &binary);
        assert_eq!(armor::decode(&written), Ok((tag, binary)));
    }
    let tag = "USER SIGNET";
    let read = armor::decode(&armor::encode(tag, input));
    assert_eq!(read, Ok((tag.to_owned(), input.to_vec())));
}

/// Strict base64 has one text for any bytes.
pub fn base64(input: &[u8]) {
    type Codec = (
        fn(&str) -> Result<Vec<u8>, encoding::EncodingError>,
        fn(&[u8]) -> String,
    );
    let codecs: [Codec; 3] = [
        (encoding::decode_strict, encoding::encode_padded),
        (encoding::decode_unpadded, encoding::encode_unpadded),
        (encoding::decode_url_safe, encoding::encode_url_safe),
    ];
    for (decode, encode) in codecs {
        assert_eq!(decode(&encode(input)).as_deref(), Ok(input));
        let Ok(text) = std::str::from_utf8(input) else {
            continue;
        };
        if let Ok(bytes) = decode(text) {
            assert_eq!(encode(&bytes), text);
        }
    }
}

/// A record in all its forms: bare, as a zone file has it, as character-strings cut anywhere.
pub fn record(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(record) = ManagementRecord::parse(text) {
        match record.to_text() {
            Ok(written) => written_record(&record, &written),
            // Items that were left out are written, with less than so many bytes.
            Err(error) => assert!(text.len() + 64 > MAXIMUM_RECORD, "{error}"),
        }
    }
    if ManagementRecord::from_zone_text(text).is_ok() {
        let root = dissect::dissect(text.as_bytes());
        if root.label == "management record" {
            assert_eq!(root.problems(), [], "taken strictly");
        }
    }
    let size = usize::from(*input.first().unwrap_or(&1)).max(1);
    let strings: Vec<&[u8]> = input.chunks(size).collect();
    let joined = ManagementRecord::from_strings(&strings);
    assert_eq!(joined, ManagementRecord::parse(text), "cut into strings");
}

/// What is written of a record is the same record in every form.
fn written_record(record: &ManagementRecord, written: &str) {
    let again = ManagementRecord::parse(written).expect("what we write is read");
    assert_eq!(again.to_text().as_deref(), Ok(written));
    let strings = record.to_strings().expect("its text is written");
    let from_strings = ManagementRecord::from_strings(&strings);
    assert_eq!(from_strings.as_ref(), Ok(&again));
    let zone = record.to_zone_text().expect("its text is written");
    let from_zone = ManagementRecord::from_zone_text(&zone);
    assert_eq!(from_zone.as_ref(), Ok(&again));
}

/// Names keep what they are when brought into their normal form.
pub fn name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let whole = [text];
    for text in whole.into_iter().chain(text.split(['<', '>'])) {
        let normal = name::normalized(text);
        assert!(name::same_identifier(text, &normal));
        assert_eq!(name::is_address(text), name::is_address(&normal));
        assert_eq!(name::is_domain(text), name::is_domain(&normal));
        assert_eq!(name::normalized(&normal), normal);
        if name::is_address(text) {
            let (local, domain) = name::split_address(text).expect("an address has two sides");
            assert_eq!(format!("{local}@{domain}"), text);
            assert_eq!(name::domain_of(text), domain);
            assert!(name::same_domain(domain, name::domain_of(&normal)));
        }
    }
}

/// Envelopes have one text.
pub fn envelope(input: &[u8]) {
    if let Ok(origin) = OriginEnvelope::parse(input) {
        assert_eq!(origin.encode().as_bytes(), input);
    }
    if let Ok(destination) = DestinationEnvelope::parse(input) {
        assert_eq!(destination.encode().as_bytes(), input);
    }
}

/// Common headers come back, whatever order they came in.
pub fn headers(input: &[u8]) {
    if let Ok(headers) = CommonHeaders::parse(input) {
        let written = headers.encode().expect("a line that was read is one line");
        assert_eq!(CommonHeaders::parse(written.as_bytes()), Ok(headers));
        assert_eq!(written.len(), input.len(), "the same lines");
    }
}
