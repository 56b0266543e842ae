//! Raw DMTP dialogs: a stranger dials a mail server and talks to it line by line over TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dime::platform::{Platform, Stream, Tick, before};
use dime::tls;
use dime_wire::message::Message;
use dime_wire::signet::FingerprintKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::scenario::steps::{DialogLine, DmtpStep};
use crate::world::{LetterPlan, World};

/// One line of a dialog, names filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Says these bytes as they are.
    Say(Vec<u8>),
    /// The next whole reply begins with this.
    Expect(String),
    /// The server closes and says nothing more.
    ExpectClose,
}

/// What came of a dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialogRecord {
    /// Host name of the server.
    pub server: String,
    /// What was said and heard, `> ` before our lines and `< ` before theirs.
    pub lines: Vec<String>,
    /// What the server did instead of what was expected; none if all went as expected.
    pub failure: Option<String>,
}

/// How long a server may take for one reply.
const REPLY_PATIENCE: Duration = Duration::from_secs(40);
/// The longest reply that is read, in bytes.
const MAX_REPLY: usize = 64 * 1024;
/// The longest piece of our own bytes that a record shows.
const MAX_SHOWN: usize = 200;

/// The script of a scenario's dialog.
pub fn script(world: &World, step: &DmtpStep) -> Vec<Line> {
    step.lines
        .iter()
        .enumerate()
        .map(|(index, line)| match &line.value {
            DialogLine::Send(text) => {
                Line::Say(format!("{}\r\n", filled(world, text)).into_bytes())
            }
            DialogLine::SendBytes(size) => Line::Say(world.noise(index, size.0)),
            DialogLine::Expect(text) => Line::Expect(filled(world, text)),
            DialogLine::ExpectClose => Line::ExpectClose,
        })
        .collect()
}

/// The script by which the origin of a recorded message would deliver it, and the server it goes to.
pub fn delivery(world: &World, plan: &LetterPlan) -> Option<(String, Vec<Line>)> {
    let message = plan.recorded.as_deref()?;
    Message::parse(message).ok()?;
    let author = world.people.get(&plan.author)?;
    let origin = world.organizations.get(&author.organization)?;
    let recipient = world.people.get(&plan.recipient)?;
    let destination = world.organizations.get(&recipient.organization)?;
    let say = |text: String| Line::Say(format!("{text}\r\n").into_bytes());
    let fingerprint = |organization: &crate::world::Organization| {
        let fingerprint = organization.signet.fingerprint(FingerprintKind::Full);
        fingerprint.map(|fingerprint| fingerprint.to_string())
    };
    let mut data = message.to_vec();
    data.extend_from_slice(b"\r\n");
    let lines = vec![
        Line::Expect("220".into()),
        say(format!("EHLO <{}>", origin.domain)),
        Line::Expect("250".into()),
        say(format!(
            "MAIL FROM: <{}> [{}] SIZE={}",
            origin.domain,
            fingerprint(origin)?,
            message.len()
        )),
        Line::Expect("250".into()),
        say(format!(
            "RCPT TO: <{}> [{}]",
            destination.domain,
            fingerprint(destination)?
        )),
        Line::Expect("250".into()),
        say("DATA".into()),
        Line::Expect("354".into()),
        Line::Say(data),
        Line::Expect("25".into()),
        say("QUIT".into()),
        Line::Expect("221".into()),
    ];
    Some((destination.mail_host.clone(), lines))
}

fn filled(world: &World, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match value(world, name) {
            Some(value) => out.push_str(&value),
            None => {
                out.push('{');
                out.push_str(name);
                out.push('}');
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn value(world: &World, name: &str) -> Option<String> {
    let (kind, of) = name.split_once(':')?;
    let person = world.people.get(of);
    match kind {
        "address" => person.map(|person| person.address.clone()),
        "fingerprint" => {
            let organization = world.organizations.get(of).map(|known| &known.signet);
            let signet = person.map(|known| &known.signet).or(organization)?;
            let fingerprint = signet.fingerprint(FingerprintKind::Full)?;
            Some(fingerprint.to_string())
        }
        _ => None,
    }
}

/// Holds a dialog with the server named `server` at `address`.
pub async fn hold(
    platform: Arc<dyn Platform>,
    server: String,
    address: SocketAddr,
    script: Vec<Line>,
) -> DialogRecord {
    let mut record = DialogRecord {
        server: server.clone(),
        ..DialogRecord::default()
    };
    let deadline = platform.clock().now() + REPLY_PATIENCE;
    let secured = match platform.connect(address, deadline).await {
        Ok(stream) => tls::connect(&*platform, stream, &server, deadline)
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match secured {
        Ok(secured) => {
            let mut talk = Talk {
                platform,
                stream: secured.stream,
                heard: Vec::new(),
            };
            record.failure = talk.through(script, &mut record.lines).await.err();
        }
        Err(error) => record.failure = Some(format!("failed to reach {server}: {error}")),
    }
    record
}

struct Talk {
    platform: Arc<dyn Platform>,
    stream: Box<dyn Stream>,
    heard: Vec<u8>,
}

impl Talk {
    async fn through(&mut self, script: Vec<Line>, lines: &mut Vec<String>) -> Result<(), String> {
        for line in script {
            match line {
                Line::Say(bytes) => {
                    lines.push(format!("> {}", shown(&bytes)));
                    self.say(&bytes).await?;
                }
                Line::Expect(expected) => {
                    let reply = self.reply().await?;
                    lines.push(format!("< {}", shown(reply.as_bytes())));
                    if !reply.starts_with(&expected) {
                        return Err(format!("expected `{expected}`, got `{}`", reply.trim_end()));
                    }
                }
                Line::ExpectClose => self.closed().await?,
            }
        }
        Ok(())
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        let stream = &mut self.stream;
        let said = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        let clock = self.platform.clock();
        match before(&*clock, deadline(&*clock), said).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(format!("the server closed while we spoke: {error}")),
            None => Err("the server stopped reading".into()),
        }
    }

    /// The next whole reply, all lines of it.
    async fn reply(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = reply_end(&self.heard) {
                let reply: Vec<u8> = self.heard.drain(..end).collect();
                return Ok(String::from_utf8_lossy(&reply).into_owned());
            }
            if self.heard.len() > MAX_REPLY {
                return Err(format!("a reply is longer than {MAX_REPLY} bytes"));
            }
            if self.more().await? == 0 {
                return Err("the server closed instead of replying".into());
            }
        }
    }

    async fn closed(&mut self) -> Result<(), String> {
        if !self.heard.is_empty() || self.more().await? > 0 {
            let heard = shown(&self.heard);
            return Err(format!("the server said `{heard}` instead of closing"));
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<usize, String> {
        let clock = self.platform.clock();
        let stream = &mut self.stream;
        let mut piece = [0; 4096];
        match before(&*clock, deadline(&*clock), stream.read(&mut piece)).await {
            Some(Ok(count)) => {
                self.heard
                    .extend_from_slice(piece.get(..count).unwrap_or_default());
                Ok(count)
            }
            // A reset is a way to close.
            Some(Err(_)) => Ok(0),
            None => Err(format!("no reply within {} s", REPLY_PATIENCE.as_secs())),
        }
    }
}

fn deadline(clock: &dyn dime::platform::Clock) -> Tick {
    clock.now() + REPLY_PATIENCE
}

/// Where the first whole reply ends: behind a line whose fourth byte is no hyphen.
fn reply_end(heard: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let rest = heard.get(start..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        if rest.get(3) != Some(&b'-') {
            return Some(start + end + 1);
        }
        start += end + 1;
    }
}

fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end();
    if bytes.len() > MAX_SHOWN {
        return format!("({} bytes)", bytes.len());
    }
    text.replace("\r\n", " | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_of_several_lines_ends_with_the_line_without_a_hyphen() {
        assert_eq!(reply_end(b"250-SIZE 1\r\n250 OK\r\nrest"), Some(20));
        assert_eq!(reply_end(b"250-SIZE 1\r\n"), None);
        assert_eq!(reply_end(b"221"), None);
    }
}
