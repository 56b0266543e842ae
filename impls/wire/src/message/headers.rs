//! The common headers of chunk 33 (spec/30 §8, spec/95 items 34 and 35).
//!
//! CRLF lines `Label: value`, UTF-8, no folding. Written in the table's order; read in any order,
//! each label at most once, required ones present, no other label.

/// Why common headers were refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// A value holds a line break, which would inject a line.
    #[error("header {0} is not a single line")]
    LineBreak(&'static str),
    /// The text is not UTF-8 in CRLF lines.
    #[error("headers are not lines of UTF-8 ended by CRLF")]
    Lines,
    /// A line has a label that the table does not know.
    #[error("header line is not one of the common headers")]
    Unknown,
    /// A label occurs twice.
    #[error("header {0} is not unique")]
    Repeated(&'static str),
    /// A required header is missing.
    #[error("header {0} is missing")]
    Missing(&'static str),
}

/// The headers every message may have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommonHeaders {
    /// `Date`, not interpreted.
    pub date: String,
    /// `To`.
    pub to: String,
    /// `CC`, optional.
    pub cc: Option<String>,
    /// `From`.
    pub from: String,
    /// `Organization`, optional.
    pub organization: Option<String>,
    /// `Subject`; may be empty.
    pub subject: String,
}

/// Labels in writing order.
const LABELS: [&str; 6] = ["Date", "To", "CC", "From", "Organization", "Subject"];

impl CommonHeaders {
    /// The chunk's text; a value with CR or LF is refused.
    pub fn encode(&self) -> Result<String, HeaderError> {
        for (label, value) in LABELS.into_iter().zip(self.values()) {
            if value.is_some_and(|value| value.contains(['\r', '\n'])) {
                return Err(HeaderError::LineBreak(label));
            }
        }
        Ok(self.encode_unchecked())
    }

    /// The chunk's text with the values as they are, line breaks included. For those who must write
    /// what no honest author writes.
    pub fn encode_unchecked(&self) -> String {
        let lines = LABELS.into_iter().zip(self.values());
        lines
            .filter_map(|(label, value)| value.map(|value| format!("{label}: {value}\r\n")))
            .collect()
    }

    /// Reads the chunk's text.
    pub fn parse(text: &[u8]) -> Result<Self, HeaderError> {
        let mut rest = std::str::from_utf8(text).map_err(|_| HeaderError::Lines)?;
        let mut found: [Option<String>; 6] = Default::default();
        while !rest.is_empty() {
            let (line, after) = rest.split_once("\r\n").ok_or(HeaderError::Lines)?;
            if line.contains(['\r', '\n']) {
                return Err(HeaderError::Lines);
            }
            let (label, value) = line.split_once(": ").ok_or(HeaderError::Unknown)?;
            let mut known = LABELS.into_iter().zip(found.iter_mut());
            let (label, slot) = known
                .find(|(known, _)| *known == label)
                .ok_or(HeaderError::Unknown)?;
            if slot.replace(value.to_owned()).is_some() {
                return Err(HeaderError::Repeated(label));
            }
            rest = after;
        }
        let [date, to, cc, from, organization, subject] = found;
        Ok(Self {
            date: date.ok_or(HeaderError::Missing("Date"))?,
            to: to.ok_or(HeaderError::Missing("To"))?,
            cc,
            from: from.ok_or(HeaderError::Missing("From"))?,
            organization,
            subject: subject.ok_or(HeaderError::Missing("Subject"))?,
        })
    }

    fn values(&self) -> [Option<&str>; 6] {
        [
            Some(&self.date),
            Some(&self.to),
            self.cc.as_deref(),
            Some(&self.from),
            self.organization.as_deref(),
            Some(&self.subject),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> CommonHeaders {
        CommonHeaders {
            date: "today".to_owned(),
            to: "R <r@b.example>".to_owned(),
            cc: Some("C <c@b.example>".to_owned()),
            from: "A <a@a.example>".to_owned(),
            organization: None,
            subject: String::new(),
        }
    }

    #[test]
    fn headers_come_back_in_whatever_order() {
        let text = sample().encode().unwrap_or_default();
        assert_eq!(
            text,
            "Date: today\r\nTo: R <r@b.example>\r\nCC: C <c@b.example>\r\nFrom: A <a@a.example>\r\nSubject: \r\n"
        );
        assert_eq!(CommonHeaders::parse(text.as_bytes()), Ok(sample()));
        let mut lines: Vec<&str> = text.split_inclusive("\r\n").collect();
        lines.reverse();
        assert_eq!(
            CommonHeaders::parse(lines.concat().as_bytes()),
            Ok(sample())
        );
    }

    #[test]
    fn a_line_break_in_a_value_is_refused_by_writer_and_reader() {
        let mut headers = sample();
        headers.subject = "two\nlines".to_owned();
        assert_eq!(headers.encode(), Err(HeaderError::LineBreak("Subject")));
        assert_eq!(
            CommonHeaders::parse(headers.encode_unchecked().as_bytes()),
            Err(HeaderError::Lines)
        );
        headers.subject = "x\r\nTo: someone else".to_owned();
        assert_eq!(
            CommonHeaders::parse(headers.encode_unchecked().as_bytes()),
            Err(HeaderError::Repeated("To"))
        );
    }

    #[test]
    fn unknown_missing_and_unended_lines_are_refused() {
        let text = sample().encode().unwrap_or_default();
        assert_eq!(
            CommonHeaders::parse(format!("{text}X: y\r\n").as_bytes()),
            Err(HeaderError::Unknown)
        );
        assert_eq!(
            CommonHeaders::parse(text.trim_end().as_bytes()),
            Err(HeaderError::Lines)
        );
        assert_eq!(
            CommonHeaders::parse(b"Date: x\r\n"),
            Err(HeaderError::Missing("To"))
        );
        assert_eq!(
            CommonHeaders::parse(b"date: x\r\n"),
            Err(HeaderError::Unknown)
        );
    }
}
