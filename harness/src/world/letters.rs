//! The letters a scenario will send, with their canaries, and what there is to know of each.

use std::collections::BTreeMap;

use super::build::WorldError;
use super::draw::{CANARY_BITS, CANARY_LENGTH, Draw};
use super::{AttachmentPlan, Fact, FactKind, LetterPlan, Person, PersonId, ProfileWord, World};
use crate::scenario::Scenario;
use crate::scenario::imported::{ImportedMessage, libdime};
use crate::scenario::steps::{BodySpec, InjectStep, ReplyStep, SendStep, Step};

/// Bytes of one block of a body or attachment: token, counter, filling, line end.
pub const BLOCK_LENGTH: usize = 64;

/// What fills a block behind its token and counter.
const FILLING: &str = "and so on and so forth and etc";

type People = BTreeMap<PersonId, Person>;

/// Plans the letters of all steps, in the order of the steps.
pub(super) fn plan(
    scenario: &Scenario,
    people: &People,
    draw: Draw,
) -> Result<Vec<LetterPlan>, WorldError> {
    let mut planner = Planner {
        scenario,
        people,
        draw,
        letters: Vec::new(),
    };
    for step in &scenario.steps {
        let letter = match &step.value {
            Step::Send(send) => planner.send(send)?,
            Step::Reply(reply) => planner.reply(reply)?,
            Step::Inject(inject) => planner.inject(inject)?,
            _ => continue,
        };
        planner.letters.push(letter);
    }
    Ok(planner.letters)
}

struct Planner<'a> {
    scenario: &'a Scenario,
    people: &'a People,
    draw: Draw,
    letters: Vec<LetterPlan>,
}

impl Planner<'_> {
    fn slot(&self, part: &str) -> String {
        format!("letter[{}].{part}", self.letters.len())
    }

    fn canary(&self, part: &str) -> String {
        self.draw.canary(&self.slot(part))
    }

    fn send(&self, send: &SendStep) -> Result<LetterPlan, WorldError> {
        let attachments = send.attachments.iter().enumerate();
        let attachments = attachments.map(|(index, attachment)| {
            let token = self.canary(&format!("attachment[{index}].name"));
            let contents = self.canary(&format!("attachment[{index}].contents"));
            AttachmentPlan {
                name: format!("{token}-{}", attachment.name.value),
                contents: blocks(&contents, attachment.size.0),
            }
        });
        let attachments = attachments.collect();
        let letter = self.letter(
            &send.letter,
            &send.from,
            &send.to,
            &send.subject,
            &send.body,
        )?;
        Ok(LetterPlan {
            attachments,
            ..letter
        })
    }

    fn reply(&self, reply: &ReplyStep) -> Result<LetterPlan, WorldError> {
        let answered = self
            .letters
            .iter()
            .find(|letter| letter.id == reply.to.value);
        let answered = answered.ok_or_else(|| missing("letter", &reply.to))?;
        let subject = reply
            .subject
            .as_ref()
            .map_or("in reply", |subject| subject.as_str());
        let (from, to) = (&answered.recipient, &answered.author);
        self.letter(&reply.letter, from, to, subject, &reply.body)
    }

    fn letter(
        &self,
        id: &str,
        from: &str,
        to: &str,
        subject: &str,
        body: &BodySpec,
    ) -> Result<LetterPlan, WorldError> {
        let author = self.people.get(from).ok_or_else(|| missing("user", from))?;
        let address = match (self.people.get(to), to.split_once('@')) {
            (Some(person), _) => person.address.clone(),
            (None, Some((local, domain))) => {
                format!("{local}-{}@{domain}", self.canary("recipient"))
            }
            (None, None) => return Err(missing("user", to)),
        };
        Ok(LetterPlan {
            id: id.to_owned(),
            author: author.id.clone(),
            recipient: to.to_owned(),
            to: address,
            subject: format!("{subject} {}", self.canary("subject")),
            other_headers: format!("X-Note: {}\r\n", self.canary("headers")).into_bytes(),
            body: blocks(&self.canary("body"), body.text.0),
            attachments: Vec::new(),
            alternate: body.alternate.value,
            profile: self.scenario.profile.unwrap_or_default(),
            recorded: None,
        })
    }

    fn inject(&self, inject: &InjectStep) -> Result<LetterPlan, WorldError> {
        let message = self.recorded(&inject.message);
        let message = message.ok_or_else(|| missing("message", &inject.message))?;
        let recipient = self.people.get(&message.recipient);
        let recipient = recipient.ok_or_else(|| missing("user", &message.recipient))?;
        Ok(LetterPlan {
            id: inject.letter.value.clone(),
            author: message.author.clone(),
            recipient: recipient.id.clone(),
            to: recipient.address.clone(),
            subject: message.subject.clone(),
            other_headers: message.other_headers.clone(),
            body: message.body.clone(),
            attachments: Vec::new(),
            alternate: false,
            profile: ProfileWord::Libdime,
            recorded: Some(message.sealed.clone()),
        })
    }

    fn recorded(&self, id: &str) -> Option<&'static ImportedMessage> {
        let import = self.scenario.world.import.as_ref()?;
        let messages = libdime(&import.libdime)?.messages.iter();
        messages.into_iter().find(|message| message.id == id)
    }
}

fn missing(what: &str, name: &str) -> WorldError {
    WorldError::Missing(format!("the {what} {name}"))
}

/// Text of this many bytes, in blocks of 64: the token, a blank, ten digits of a counter, a blank,
/// filling, CR LF. The last block is cut.
fn blocks(token: &str, size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut text = Vec::with_capacity(size + BLOCK_LENGTH);
    for counter in 0.. {
        if text.len() >= size {
            break;
        }
        text.extend_from_slice(format!("{token} {counter:010} {FILLING}\r\n").as_bytes());
    }
    text.truncate(size);
    text
}

/// Bytes from which a value can be told from chance at all. Only letters recorded elsewhere have
/// shorter ones, such as the subject `Test`; whoever holds those cannot be found out.
const SHORTEST_FACT: usize = 5;

/// What there is to know of each letter.
pub(super) fn facts(world: &World) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (index, letter) in world.letters.iter().enumerate() {
        facts.extend(facts_of(world, index, letter));
    }
    facts
}

fn facts_of(world: &World, index: usize, letter: &LetterPlan) -> Vec<Fact> {
    let author = world.people.get(&letter.author);
    let destination = letter.to.rsplit('@').next();
    let host = |person: &str| {
        let host = world.host_of(person)?;
        Some(host.address.to_string().into_bytes())
    };
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let drawn = letter.recorded.is_none();
    let token = |contents: &[u8]| {
        let length = if drawn { CANARY_LENGTH } else { contents.len() };
        contents
            .get(..length.min(contents.len()))
            .map(<[u8]>::to_vec)
    };
    // Of the other headers the value is the fact, not the name of the header.
    let note = letter.other_headers.strip_prefix(b"X-Note: ");
    let mut values = vec![
        (FactKind::Author, author.and_then(|one| text(&one.address))),
        (FactKind::Recipient, text(&letter.to)),
        (
            FactKind::Origin,
            author.and_then(|one| text(&one.organization)),
        ),
        (FactKind::Destination, destination.and_then(text)),
        (FactKind::Subject, text(&letter.subject)),
        (
            FactKind::Headers,
            token(note.unwrap_or(&letter.other_headers)),
        ),
        (FactKind::Body, token(&letter.body)),
        // Of a recorded message the author's host has no part in the run.
        (FactKind::AuthorHost, host(&letter.author).filter(|_| drawn)),
        (FactKind::RecipientHost, host(&letter.recipient)),
    ];
    for attachment in &letter.attachments {
        values.push((FactKind::AttachmentName, text(&attachment.name)));
        values.push((FactKind::Attachment, token(&attachment.contents)));
    }
    let facts = values.into_iter().filter_map(|(kind, value)| {
        let value = value.filter(|value| value.len() >= SHORTEST_FACT)?;
        let strength = strength(kind, &value);
        Some(Fact {
            letter: index,
            kind,
            value,
            strength,
        })
    });
    facts.collect()
}

/// How hard a value is to hit by chance: 8 bits a byte, but no more than a canary has, and 32 bits
/// for an address of a host.
fn strength(kind: FactKind, value: &[u8]) -> u32 {
    let bits = u32::try_from(value.len().saturating_mul(8)).unwrap_or(u32::MAX);
    match kind {
        FactKind::AuthorHost | FactKind::RecipientHost => 32,
        _ => bits.min(CANARY_BITS),
    }
}
