//! Turns what a report holds into text that is safe and pleasant to print.
//!
//! Servers under test choose some of the text in a report. Control characters could drive a
//! terminal, and characters that turn the writing direction could make a line read as another, so
//! both are shown as escapes, in the terminal and on the page.

use crate::model::{Excerpt, Step};

/// Longest text that is printed whole, in characters.
pub(crate) const TEXT_LIMIT: usize = 2000;

/// Most lines that are printed of one text.
pub(crate) const LINES_LIMIT: usize = 200;

/// Bytes in one row of a hex dump.
const DUMP_WIDTH: usize = 16;

/// The text without anything that acts on a terminal or on the writing direction, cut at
/// [`TEXT_LIMIT`].
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(TEXT_LIMIT));
    for (count, character) in text.chars().enumerate() {
        if count == TEXT_LIMIT {
            out.push('…');
            break;
        }
        if acts(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// The first line, printable.
pub(crate) fn first_line(text: &str) -> String {
    printable(text.lines().next().unwrap_or_default())
}

/// All lines but the first, printable, with their indentation; at most [`LINES_LIMIT`].
pub(crate) fn further_lines(text: &str) -> Vec<String> {
    let lines = text.lines().skip(1).take(LINES_LIMIT);
    lines
        .map(|line| printable(&line.replace('\t', "    ")))
        .collect()
}

/// All lines, printable, as one text.
pub(crate) fn printable_lines(text: &str) -> String {
    let mut lines = vec![first_line(text)];
    lines.extend(further_lines(text));
    lines.join("\n")
}

/// A fact in the words of the policy.
pub(crate) fn fact_label(fact: &str) -> String {
    let label = match fact {
        "author" => "author's address",
        "recipient" => "recipient's address",
        "origin" => "origin domain",
        "destination" => "destination domain",
        "headers" => "other headers",
        "attachment-name" => "attachment name",
        "author-host" => "author's host",
        "recipient-host" => "recipient's host",
        other => return printable(other),
    };
    label.to_owned()
}

/// Milliseconds as seconds or larger units.
pub(crate) fn duration(milliseconds: u64) -> String {
    const MINUTE: u64 = 60_000;
    const DAY: u64 = 24 * 60 * MINUTE;
    match milliseconds {
        0..MINUTE => format!("{}.{:03}s", milliseconds / 1000, milliseconds % 1000),
        MINUTE..DAY => {
            let minutes = milliseconds / MINUTE;
            let rest = milliseconds % MINUTE / 1000;
            format!("{}h{:02}m{rest:02}s", minutes / 60, minutes % 60)
        }
        _ => {
            let hours = milliseconds / (60 * MINUTE);
            format!("{}d{:02}h", hours / 24, hours % 24)
        }
    }
}

/// A number of bytes, with one decimal from a kibibyte on.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = UNITS[0];
    let mut tenths = u128::from(bytes) * 10 / 1024;
    for next in &UNITS[1..] {
        if tenths < 10_240 {
            break;
        }
        unit = next;
        tenths /= 1024;
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Where the bytes of a step lie in the capture; nothing for bytes that an earlier step gave.
pub(crate) fn place(step: &Step) -> String {
    let packet = step.packet.map(|number| format!("capture packet {number}"));
    let observed = step.packet.is_some() || !step.place.is_empty();
    let bytes = step.bytes.as_ref().filter(|_| observed);
    let bytes = bytes.map(|excerpt| {
        let end = excerpt.offset.saturating_add(excerpt.length);
        format!("bytes {}..{end}", excerpt.offset)
    });
    [packet, bytes]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// A row of a hex dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DumpRow {
    /// Offset of the row's first byte.
    pub(crate) offset: u64,
    /// The bytes in hex, with a space between them and two in the middle, padded to full width.
    pub(crate) hex: String,
    /// The printable ones as ASCII, the others as dots.
    pub(crate) ascii: String,
}

/// The shown bytes of an excerpt in rows of sixteen.
pub(crate) fn dump(excerpt: &Excerpt) -> Vec<DumpRow> {
    let bytes = excerpt.shown();
    let rows = bytes.chunks(DUMP_WIDTH).zip(0u64..);
    rows.map(|(row, index)| {
        let mut hex = String::new();
        for position in 0..DUMP_WIDTH {
            if position == DUMP_WIDTH / 2 {
                hex.push(' ');
            }
            match row.get(position) {
                Some(byte) => hex.push_str(&format!("{byte:02x} ")),
                None => hex.push_str("   "),
            }
        }
        let ascii = row.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        });
        DumpRow {
            offset: excerpt
                .offset
                .saturating_add(index.saturating_mul(DUMP_WIDTH as u64)),
            hex: hex.trim_end_matches('\n').to_owned(),
            ascii: ascii.collect(),
        }
    })
    .collect()
}

/// Whether a character does something other than show itself.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_drives_a_terminal_is_shown_and_not_obeyed() {
        let hostile = "250 \u{1b}[2J\u{1b}]0;owned\u{7} ok\r\n\u{202e}drowssap";
        insta::assert_snapshot!(printable(hostile), @r"250 \u{1b}[2J\u{1b}]0;owned\u{7} ok\r\n\u{202e}drowssap");
    }

    #[test]
    fn endless_text_is_cut() {
        let text = printable(&"x".repeat(TEXT_LIMIT * 2));
        assert_eq!(text.chars().count(), TEXT_LIMIT + 1);
    }

    #[test]
    fn lines_keep_their_indentation_and_nothing_else() {
        let text = "missing key\r\n  --> a.yaml:3\n\t^^^\u{1b}[2J\n";
        insta::assert_snapshot!(printable_lines(text), @r"
        missing key
          --> a.yaml:3
            ^^^\u{1b}[2J
        ");
    }

    #[test]
    fn times_and_sizes_read_well_at_every_scale() {
        let times = [0, 213, 59_999, 60_000, 3_723_000, 86_400_000, u64::MAX];
        let times = times.map(duration).join(", ");
        insta::assert_snapshot!(times, @"0.000s, 0.213s, 59.999s, 0h01m00s, 1h02m03s, 1d00h, 213503982334d14h");
        let sizes = [0, 1023, 1024, 20_480, 1_048_576, u64::MAX];
        insta::assert_snapshot!(sizes.map(size).join(", "), @"0 B, 1023 B, 1.0 KiB, 20.0 KiB, 1.0 MiB, 16777215.9 TiB");
    }

    #[test]
    fn a_dump_shows_hex_and_ascii_in_columns() {
        let excerpt = Excerpt::of(6, b"DATA [YWxpY2U]\r\n\x00\xff");
        let rows = dump(&excerpt);
        let lines = rows
            .iter()
            .map(|row| format!("{:06x}  {} |{}|", row.offset, row.hex, row.ascii));
        insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @"
        000006  44 41 54 41 20 5b 59 57  78 70 59 32 55 5d 0d 0a  |DATA [YWxpY2U]..|
        000016  00 ff                                             |..|
        ");
    }
}
