//! A record as DNS carries it: cut into the character-strings of a TXT record, which are joined
//! without a separator when read (spec/20 §1, spec/95 item 25).

use super::{MAXIMUM_RECORD, ManagementRecord, RecordError};

/// Longest character-string of a TXT record, in bytes.
pub const MAXIMUM_STRING: usize = 255;
/// Bytes of the strings that a longer record is cut into, as the published generator does it.
pub const GENERATED_STRING: usize = 254;

/// The record in DNS.
impl ManagementRecord {
    /// The text as character-strings: one if it has at most [`MAXIMUM_STRING`] bytes, else as many
    /// of [`GENERATED_STRING`] bytes as it takes.
    ///
    /// # Errors
    /// Those of [`ManagementRecord::to_text`].
    pub fn to_strings(&self) -> Result<Vec<String>, RecordError> {
        let text = self.to_text()?;
        if text.len() <= MAXIMUM_STRING {
            return Ok(vec![text]);
        }
        let pieces = text.as_bytes().chunks(GENERATED_STRING);
        Ok(pieces
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
            .collect())
    }

    /// Reads a record from its character-strings.
    pub fn from_strings<S: AsRef<[u8]>>(strings: &[S]) -> Result<Self, RecordError> {
        let mut text = Vec::new();
        for string in strings {
            let string = string.as_ref();
            if string.len() > MAXIMUM_STRING || text.len() + string.len() > MAXIMUM_RECORD {
                return Err(RecordError::TooLarge);
            }
            text.extend_from_slice(string);
        }
        let text = String::from_utf8(text).map_err(|_| RecordError::Text)?;
        Self::parse(&text)
    }

    /// The text for a zone file, as the published generator prints it: bare if it is one string,
    /// else each string in quotation marks and followed by a space.
    ///
    /// # Errors
    /// Those of [`ManagementRecord::to_text`].
    pub fn to_zone_text(&self) -> Result<String, RecordError> {
        Ok(match self.to_strings()?.as_slice() {
            [single] => single.clone(),
            several => several
                .iter()
                .map(|piece| format!("\"{piece}\" "))
                .collect(),
        })
    }

    /// Reads a record from the text of a zone file: bare, or quoted strings with white space between
    /// them, with the line's owner, class and type in front or not. A record has neither quotation
    /// marks nor backslashes, so there are no escapes.
    pub fn from_zone_text(text: &str) -> Result<Self, RecordError> {
        if text.len() > 2 * MAXIMUM_RECORD {
            return Err(RecordError::TooLarge);
        }
        let mut rest = strings_of(text.trim());
        if !rest.starts_with('"') {
            return Self::parse(rest);
        }
        let mut strings = Vec::new();
        while !rest.is_empty() {
            let quoted = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let (string, after) = quoted.ok_or(RecordError::Quotes)?;
            if string.contains('\\') {
                return Err(RecordError::Quotes);
            }
            strings.push(string);
            rest = after.trim_start();
        }
        Self::from_strings(&strings)
    }
}

/// What stands behind the type in a line of a zone file; all of what is no such line.
fn strings_of(text: &str) -> &str {
    let quotes = text.find('"').and_then(|at| text.split_at_checked(at));
    let is_type = |word: &str| word.eq_ignore_ascii_case("TXT");
    quotes
        .filter(|(before, _)| before.split_whitespace().next_back().is_some_and(is_type))
        .map_or(text, |(_, strings)| strings)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{any_record, record};
    use super::*;

    /// The last record that libdime's generator printed for the vectors.
    fn generated() -> (String, String) {
        let file = include_str!("../../vectors/libdime/mrec.json");
        let file: serde_json::Value = serde_json::from_str(file).expect("a recorded file");
        let cases = file["genrec"].as_array().expect("a list");
        let case = cases.last().expect("a case");
        let text = |name: &str| case[name].as_str().expect("a text").to_owned();
        (text("output"), text("joined_record"))
    }

    #[test]
    fn a_long_record_is_written_as_the_generator_writes_it() {
        let (output, joined) = generated();
        let record = ManagementRecord::from_zone_text(&output).expect("a recorded record");
        assert_eq!(record.to_zone_text(), Ok(output));
        let strings = record.to_strings().expect("a recorded record");
        assert_eq!(strings.concat(), joined);
        assert_eq!(strings.first().map(String::len), Some(GENERATED_STRING));
    }

    #[test]
    fn a_record_that_fits_one_string_is_one() {
        let mut record = record();
        record.tls.clear();
        record.deliver.clear();
        let text = |record: &ManagementRecord| record.to_text().expect("a good record");
        while text(&record).len() < MAXIMUM_STRING {
            let last = record.syndicates.first_mut().expect("one");
            last.push('x');
        }
        assert_eq!(record.to_strings(), Ok(vec![text(&record)]));
        assert_eq!(record.to_zone_text(), record.to_text());
        record.syndicates.push("y".to_owned());
        assert_eq!(record.to_strings().map(|strings| strings.len()), Ok(2));
    }

    #[test]
    fn a_line_of_a_zone_file_is_read_from_behind_its_type() {
        let (output, _) = generated();
        let record = ManagementRecord::from_zone_text(&output).expect("a recorded record");
        for front in ["_dx.alpha.example. IN TXT ", "_dx 3600\tin\ttxt\t", "TXT"] {
            let line = format!("{front}{output}\n");
            assert_eq!(ManagementRecord::from_zone_text(&line), Ok(record.clone()));
        }
        for front in ["_dx.alpha.example. IN ", "x=TXT", "TXT (", "\"TXT "] {
            let line = format!("{front}{output}\n");
            assert!(ManagementRecord::from_zone_text(&line).is_err(), "{front}");
        }
    }

    #[test]
    fn what_is_not_a_sequence_of_strings_is_refused() {
        let (output, _) = generated();
        let joined = output.replace("\" \"", "");
        let refusal = |text: &str| ManagementRecord::from_zone_text(text).err();
        assert_eq!(
            refusal(output.trim_end().trim_end_matches('"')),
            Some(RecordError::Quotes)
        );
        assert_eq!(refusal(&format!("{output} x")), Some(RecordError::Quotes));
        assert_eq!(refusal("\"\\\"\""), Some(RecordError::Quotes));
        assert_eq!(refusal(&joined), Some(RecordError::TooLarge));
        assert_eq!(
            ManagementRecord::from_strings(&[[0xffu8]]),
            Err(RecordError::Text)
        );
        assert_eq!(
            ManagementRecord::from_strings::<&str>(&[]),
            Err(RecordError::NoKey)
        );
        let endless = vec![[b'x'; 255]; 258];
        assert_eq!(
            ManagementRecord::from_strings(&endless),
            Err(RecordError::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn any_record_survives_dns(record in any_record(), noise in any::<String>()) {
            let strings = record.to_strings().expect("a good record");
            prop_assert!(strings.iter().all(|piece| piece.len() <= MAXIMUM_STRING));
            prop_assert_eq!(ManagementRecord::from_strings(&strings), Ok(record.clone()));
            let text = record.to_zone_text().expect("a good record");
            prop_assert_eq!(ManagementRecord::from_zone_text(&text), Ok(record));
            let _ = ManagementRecord::from_zone_text(&noise);
            let _ = ManagementRecord::from_zone_text(&format!("\"{noise}"));
        }
    }
}
