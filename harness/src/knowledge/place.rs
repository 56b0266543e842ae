//! Places: what a person is told about where bytes stand, and who wrote them there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use dime::platform::Tick;
use dime_wire::dissect;

use crate::ledger::{Buffer, BufferId, ChannelId, ChannelKind, Direction, Layer, Trace};
use crate::world::Principal;

use super::Given;
use super::forms::printable;
use super::graph::{Slice, TextId};
use super::rules::{Expansion, MessageCopy};
use super::scope::{record_at, time_at};

/// Lines of one buffer that are told apart; what follows belongs to the last.
pub const MAXIMUM_LINES: usize = 100_000;
/// Characters of a line that a place prints.
const PRINTED_CHARACTERS: usize = 44;
/// Bytes of a line that are printed in front of a place far inside it.
const PRINTED_BEFORE: usize = 12;
/// Words that name a line in the shape of a derivation.
const VERBS: [&str; 20] = [
    "EHLO",
    "MAIL",
    "RCPT",
    "DATA",
    "SGNT",
    "VRFY",
    "HIST",
    "NOOP",
    "RSET",
    "QUIT",
    "HELP",
    "MODE",
    "LOGIN",
    "SUBMIT",
    "LIST",
    "FETCH",
    "LOGOUT",
    "CAPABILITY",
    "OK",
    "NO",
];

/// Where bytes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The kind of place, the same in every run: `line DATA`, `tracing`, `chunk 5`.
    pub(super) class: String,
    /// The place in words; nothing for bytes that only a previous step made.
    pub(super) text: Option<String>,
    /// When the bytes were written.
    pub(super) at: Option<Tick>,
    /// Offset in its buffer that byte ranges are printed relative to.
    pub(super) origin: usize,
}

/// Lines of the conversations of a trace, for describing places in them.
pub(super) struct Places {
    lines: BTreeMap<BufferId, Vec<Line>>,
    packets: BTreeMap<(ChannelId, Direction), Vec<u32>>,
}

/// A line of a conversation, without its line end.
struct Line {
    range: Range<usize>,
    number: usize,
}

impl Places {
    /// Finds the lines of all conversations.
    pub(super) fn new(expansion: &Expansion<'_>) -> Self {
        let mut lines = BTreeMap::new();
        for (index, buffer) in (0..).map(BufferId).zip(&expansion.trace.buffers) {
            if buffer.layer == Layer::Plain && is_stream(expansion.trace, buffer.channel) {
                lines.insert(
                    index,
                    lines_of(&buffer.bytes, &messages_in(expansion, index)),
                );
            }
        }
        let mut packets: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        for (index, packet) in (0..).zip(&expansion.trace.packets) {
            packets
                .entry((packet.channel, packet.direction))
                .or_default()
                .push(index);
        }
        Self { lines, packets }
    }

    /// Where a slice stands.
    pub(super) fn describe(&self, expansion: &Expansion<'_>, slice: &Slice) -> Place {
        let buffer = match slice.text {
            TextId::Observed(buffer) => buffer,
            TextId::Derived(index) => return place_in_derived(expansion, index),
        };
        let Some(bytes) = expansion.trace.buffers.get(buffer.0 as usize) else {
            return Place {
                class: "nowhere".to_owned(),
                text: None,
                at: None,
                origin: 0,
            };
        };
        let (class, text, origin) = self.in_buffer(expansion, buffer, bytes, slice);
        let at = Some(time_at(bytes, slice.range.start));
        Place {
            class,
            text: Some(text),
            at,
            origin,
        }
    }

    /// Where the piece begins that a slice stands in: line, record or message. Two hits of one form in
    /// one piece teach the same.
    pub(super) fn piece(&self, expansion: &Expansion<'_>, slice: &Slice) -> usize {
        let TextId::Observed(buffer) = slice.text else {
            return 0;
        };
        let start = slice.range.start;
        if let Some(line) = self.line_at(buffer, start) {
            // Tracing in front of a message is a piece of its own.
            return match copy_at(expansion, slice) {
                Some(copy) => match &copy.tracing {
                    Some(data) if start >= data.end => data.end,
                    _ => copy.at.range.start,
                },
                None => line.range.start,
            };
        }
        let bytes = expansion.trace.buffers.get(buffer.0 as usize);
        bytes.map_or(0, |bytes| record_at(bytes, start).start)
    }

    /// The packet that carried the bytes at `offset` of a buffer: exactly for raw bytes, for
    /// plaintext the first of its direction that was sent when it was written or later.
    pub(super) fn packet(&self, trace: &Trace, buffer: BufferId, offset: usize) -> Option<u32> {
        let bytes = trace.buffers.get(buffer.0 as usize)?;
        let after = bytes.marks.partition_point(|mark| mark.offset <= offset);
        let mark = after
            .checked_sub(1)
            .and_then(|index| bytes.marks.get(index))?;
        if mark.packet.is_some() {
            return mark.packet;
        }
        let sent = self.packets.get(&(bytes.channel, bytes.direction))?;
        let when = |index: &u32| trace.packets.get(*index as usize).map(|packet| packet.at);
        sent.iter()
            .find(|index| when(index) >= Some(mark.at))
            .or(sent.last())
            .copied()
    }

    fn in_buffer(
        &self,
        expansion: &Expansion<'_>,
        id: BufferId,
        buffer: &Buffer,
        slice: &Slice,
    ) -> (String, String, usize) {
        let start = slice.range.start;
        let speaker = speaker(expansion, buffer);
        if let Some(copy) = copy_at(expansion, slice) {
            let from = holder_phrase(expansion, buffer, &speaker);
            return match &copy.tracing {
                Some(data) if start < data.end => (
                    "tracing".to_owned(),
                    format!("tracing of a message {from}"),
                    data.start,
                ),
                _ => (
                    "message".to_owned(),
                    format!("message {from}"),
                    copy.at.range.start,
                ),
            };
        }
        if let Some(line) = self.line_at(id, start) {
            let bytes = buffer.bytes.get(line.range.clone()).unwrap_or_default();
            let shown = around(bytes, start.saturating_sub(line.range.start));
            let text = format!("line {} from {speaker}: {shown}", line.number);
            return (line_class(bytes), text, line.range.start);
        }
        self.elsewhere(expansion, buffer, start, &speaker)
    }

    fn elsewhere(
        &self,
        expansion: &Expansion<'_>,
        buffer: &Buffer,
        start: usize,
        speaker: &str,
    ) -> (String, String, usize) {
        let record = record_at(buffer, start);
        let bytes = buffer.bytes.get(record.clone()).unwrap_or_default();
        let shown = around(bytes, start.saturating_sub(record.start));
        let listener = listener(expansion, buffer);
        let (class, text) = match channel(expansion.trace, buffer.channel) {
            Some(ChannelKind::Datagrams { .. }) => (
                "datagram".to_owned(),
                format!("datagram from {speaker} to {listener}"),
            ),
            Some(ChannelKind::Store { host, store }) => (
                format!("store {store}"),
                format!("record in store {store} of {host}: {shown}"),
            ),
            Some(ChannelKind::Screen { host }) => match buffer.direction {
                Direction::Forth => ("typed".to_owned(), format!("typed at {host}: {shown}")),
                Direction::Back => ("shown".to_owned(), format!("shown at {host}: {shown}")),
            },
            Some(ChannelKind::File { host, path }) => {
                (format!("file {path}"), format!("file {path} of {host}"))
            }
            _ => (
                "line".to_owned(),
                format!("bytes on the line from {speaker} to {listener}"),
            ),
        };
        (class, text, record.start)
    }

    fn line_at(&self, id: BufferId, offset: usize) -> Option<&Line> {
        let lines = self.lines.get(&id)?;
        let after = lines.partition_point(|line| line.range.start <= offset);
        lines.get(after.checked_sub(1)?)
    }
}

/// The message that a slice begins in. Of several it is the first that is whole: the beginning of a message
/// that never ends, put into tracing, does not make a message of what follows.
fn copy_at<'e>(expansion: &'e Expansion<'_>, slice: &Slice) -> Option<&'e MessageCopy> {
    let copies = expansion
        .copies
        .iter()
        .filter(|copy| copy.at.text == slice.text && copy.at.range.contains(&slice.range.start));
    copies.min_by_key(|copy| (copy.truncated, copy.at.range.start))
}

/// Who wrote a buffer: the name of the host and whose it is.
pub(super) fn writer<'g>(
    given: &Given<'g>,
    trace: &Trace,
    buffer: &Buffer,
) -> Option<(&'g str, &'g Principal)> {
    let host = match channel(trace, buffer.channel)? {
        ChannelKind::Stream { client, server } | ChannelKind::Datagrams { client, server } => {
            let address = match buffer.direction {
                Direction::Forth => client.ip(),
                Direction::Back => server.ip(),
            };
            given.hosts.values().find(|host| host.address == address)?
        }
        ChannelKind::Store { host, .. }
        | ChannelKind::Screen { host }
        | ChannelKind::File { host, .. } => given.hosts.get(host)?,
    };
    Some((&host.name, &host.principal))
}

/// The name a chunk type has in explanations.
pub(super) fn chunk_name(kind: u8) -> String {
    dissect::chunk_name(kind).map_or_else(
        || format!("chunk {kind}"),
        |name| format!("chunk {kind} ({name})"),
    )
}

fn place_in_derived(expansion: &Expansion<'_>, index: u32) -> Place {
    let chunk = expansion
        .derived
        .get(index as usize)
        .and_then(|derived| derived.chunk);
    let class = chunk.map_or("derived".to_owned(), |kind| format!("chunk {kind}"));
    Place {
        class,
        text: None,
        at: None,
        origin: 0,
    }
}

fn channel(trace: &Trace, id: ChannelId) -> Option<&ChannelKind> {
    trace
        .channels
        .get(id.0 as usize)
        .map(|channel| &channel.kind)
}

fn is_stream(trace: &Trace, id: ChannelId) -> bool {
    matches!(channel(trace, id), Some(ChannelKind::Stream { .. }))
}

fn host_name(given: &Given<'_>, address: IpAddr) -> String {
    let host = given.hosts.values().find(|host| host.address == address);
    host.map_or_else(|| address.to_string(), |host| host.name.clone())
}

fn speaker(expansion: &Expansion<'_>, buffer: &Buffer) -> String {
    end_of(expansion, buffer, buffer.direction)
}

fn listener(expansion: &Expansion<'_>, buffer: &Buffer) -> String {
    let other = match buffer.direction {
        Direction::Forth => Direction::Back,
        Direction::Back => Direction::Forth,
    };
    end_of(expansion, buffer, other)
}

fn end_of(expansion: &Expansion<'_>, buffer: &Buffer, direction: Direction) -> String {
    match (channel(expansion.trace, buffer.channel), direction) {
        (
            Some(ChannelKind::Stream { client, .. } | ChannelKind::Datagrams { client, .. }),
            Direction::Forth,
        ) => host_name(expansion.given, client.ip()),
        (
            Some(ChannelKind::Stream { server, .. } | ChannelKind::Datagrams { server, .. }),
            Direction::Back,
        ) => host_name(expansion.given, server.ip()),
        (
            Some(
                ChannelKind::Store { host, .. }
                | ChannelKind::Screen { host }
                | ChannelKind::File { host, .. },
            ),
            _,
        ) => host.clone(),
        (None, _) => "nobody".to_owned(),
    }
}

fn holder_phrase(expansion: &Expansion<'_>, buffer: &Buffer, speaker: &str) -> String {
    match channel(expansion.trace, buffer.channel) {
        Some(ChannelKind::Store { host, store }) => format!("in store {store} of {host}"),
        Some(ChannelKind::File { host, path }) => format!("in file {path} of {host}"),
        Some(ChannelKind::Screen { host }) => format!("at {host}"),
        _ => format!("from {speaker}"),
    }
}

fn messages_in(expansion: &Expansion<'_>, buffer: BufferId) -> Vec<Range<usize>> {
    let text = TextId::Observed(buffer);
    let copies = expansion.copies.iter().filter(|copy| copy.at.text == text);
    copies.map(|copy| copy.at.range.clone()).collect()
}

/// The lines between messages. A line end right behind a message belongs to it.
fn lines_of(bytes: &[u8], messages: &[Range<usize>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = 0;
    while at < bytes.len() && lines.len() < MAXIMUM_LINES {
        if let Some(message) = messages.iter().find(|message| message.contains(&at)) {
            at = message.end + line_end_at(bytes, message.end);
            continue;
        }
        let stop = messages
            .iter()
            .map(|message| message.start)
            .filter(|start| *start > at)
            .min()
            .unwrap_or(bytes.len());
        let rest = bytes.get(at..stop).unwrap_or_default();
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        let content = rest.get(..length).unwrap_or_default();
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        lines.push(Line {
            range: at..at + content.len(),
            number: lines.len() + 1,
        });
        at += (length + 1).min(rest.len().max(1));
    }
    lines
}

fn line_end_at(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..) {
        Some([b'\r', b'\n', ..]) => 2,
        Some([b'\n', ..]) => 1,
        _ => 0,
    }
}

/// A line as an explanation prints it: its beginning, or what stands around a place far inside it.
fn around(line: &[u8], at: usize) -> String {
    if at <= PRINTED_CHARACTERS / 2 {
        return printable(line, PRINTED_CHARACTERS);
    }
    let from = at.saturating_sub(PRINTED_BEFORE);
    let rest = line.get(from..).unwrap_or_default();
    format!("...{}", printable(rest, PRINTED_CHARACTERS - 3))
}

fn line_class(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(
        line.get(..PRINTED_CHARACTERS.min(line.len()))
            .unwrap_or_default(),
    );
    let upper = text.to_ascii_uppercase();
    let mut words = upper.split(|letter: char| !letter.is_ascii_alphanumeric());
    let known = words.by_ref().take(3).find(|word| VERBS.contains(word));
    let first = upper
        .get(..3)
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    match first.or(known) {
        Some(word) => format!("line {word}"),
        None => "line".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_around_messages() {
        let bytes = b"DATA\r\n\x07\x37\n\x00xx\r\nQUIT\r\n";
        let messages = vec![Range { start: 6, end: 12 }];
        let lines = lines_of(bytes, &messages);
        let shown: Vec<_> = lines
            .iter()
            .map(|line| {
                (
                    line.number,
                    bytes.get(line.range.clone()).unwrap_or_default(),
                )
            })
            .collect();
        assert_eq!(shown, [(1, &b"DATA"[..]), (2, &b"QUIT"[..])]);
    }

    #[test]
    fn a_line_is_classed_by_its_verb_or_code() {
        assert_eq!(line_class(b"DATA [YWxpY2U]"), "line DATA");
        assert_eq!(line_class(b"a7 LOGIN alice secret"), "line LOGIN");
        assert_eq!(line_class(b"250-OK"), "line 250");
        assert_eq!(line_class(b"what is this"), "line");
        assert_eq!(line_class(&[0xff; 80]), "line");
    }
}
