//! Lines of the protocols: DMTP in both dialects, DMAP. Inputs are those of the sessions, which begin
//! with two bytes of another meaning.

use dime::dmap::CommandFault;
use dime::dmtp::keyword::{KeywordLine, MAXIMUM_LINE};
use dime::{dmap, dmtp};

use crate::secrets::{WINDOW, absent};

/// A command of DMTP's positional dialect is read again as what it was.
pub fn dmtp(input: &[u8]) {
    let lines = input.get(2..).unwrap_or_default();
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Ok(command) = dmtp::Command::parse(line) {
            let written = command.to_string();
            if !matches!(command, dmtp::Command::NotOffered) {
                assert_eq!(dmtp::Command::parse(written.as_bytes()), Ok(command));
            }
        }
    }
}

/// A line of the keyword dialect is written so that it is read again as what it was.
pub fn keyword(input: &[u8]) {
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let Ok(read) = KeywordLine::parse(line) else {
            continue;
        };
        assert!(line.len() <= MAXIMUM_LINE);
        let written = read.format().expect("no longer than what was read");
        assert_eq!(KeywordLine::parse(&written).as_ref(), Ok(&read));
    }
}

/// A request of DMAP never shows a password.
pub fn dmap(input: &[u8]) {
    let lines = input.get(2..).unwrap_or_default();
    for line in lines.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match dmap::Request::parse(line) {
            Ok(request) => unprinted(&request),
            // A password stands behind the tag, and the tag is all that a fault shows.
            Err(CommandFault::Tag) => {}
            Err(
                CommandFault::Unknown { tag }
                | CommandFault::Arguments { tag }
                | CommandFault::TooLarge { tag },
            ) => assert_eq!(
                line.split(|byte| *byte == b' ').next(),
                Some(tag.as_bytes())
            ),
        }
    }
}

fn unprinted(request: &dmap::Request) {
    let dmap::Command::Login { user, password } = &request.command else {
        return;
    };
    // A password that has a piece of what is shown anyway tells nothing.
    let shown = format!(
        "{user} {:?}",
        dmap::Request {
            tag: request.tag.clone(),
            command: dmap::Command::Noop,
        }
    );
    let mut pieces = password.as_bytes().windows(WINDOW);
    if !pieces.any(|piece| shown.as_bytes().windows(WINDOW).any(|other| piece == other)) {
        absent(request, password.as_bytes());
    }
}
