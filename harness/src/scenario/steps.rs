//! The `steps` of a scenario: what happens, in order.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::scenario::values::{ByteSize, Located, Span};

/// One step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A user writes a letter and hands it to their server.
    Send(SendStep),
    /// A user answers a letter they received.
    Reply(ReplyStep),
    /// Time passes until letters have come to an end.
    Await(AwaitStep),
    /// A user looks somebody's signet up.
    Resolve(ResolveStep),
    /// Time passes.
    Advance(AdvanceStep),
    /// A message made elsewhere is delivered, as its origin would deliver it.
    Inject(InjectStep),
    /// A stranger talks DMTP to a server, line by line.
    Dmtp(DmtpStep),
    /// All along, a letter is damaged between origin and destination; stands before other steps.
    Corrupt(CorruptStep),
    /// All along, a server gives out the wrong signet; stands before other steps.
    Serve(ServeStep),
}

/// A user writes a letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SendStep {
    /// Name of the letter from here on.
    #[serde(rename = "as")]
    pub letter: Located<String>,
    /// The author.
    pub from: Located<String>,
    /// The recipient, or an address nobody has, such as `nobody@beta.example`.
    pub to: Located<String>,
    /// Subject; the run appends a token.
    pub subject: Located<String>,
    /// The body.
    #[serde(default)]
    pub body: BodySpec,
    /// Attachments.
    #[serde(default)]
    pub attachments: Vec<AttachmentSpec>,
    /// How much of the letter may come back if it cannot be delivered.
    #[serde(default, rename = "return")]
    pub bounce: BounceWish,
}

/// A body.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BodySpec {
    /// How much text.
    pub text: Located<ByteSize>,
    /// Whether the alternate layer encrypts it.
    pub alternate: Located<bool>,
}

impl Default for BodySpec {
    fn default() -> Self {
        BodySpec {
            text: ByteSize(1024).into(),
            alternate: false.into(),
        }
    }
}

/// An attachment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttachmentSpec {
    /// File name; the run puts a token in front of it.
    pub name: Located<String>,
    /// How many bytes.
    pub size: Located<ByteSize>,
}

/// What may come back of a letter that cannot be delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BounceWish {
    /// All of it.
    #[default]
    Full,
    /// Envelope, headers and text.
    Display,
    /// Envelope and headers.
    Header,
}

/// A user answers a letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReplyStep {
    /// Name of the answer from here on.
    #[serde(rename = "as")]
    pub letter: Located<String>,
    /// The letter that is answered.
    pub to: Located<String>,
    /// Subject; without one, that of the letter.
    pub subject: Option<Located<String>>,
    /// The body.
    #[serde(default)]
    pub body: BodySpec,
}

/// Time passes until letters have come to an end, written `{ letter: delivered, within: 1 h }`.
#[derive(Clone, Debug)]
pub struct AwaitStep {
    /// Letters and the end each is awaited to come to.
    pub letters: Vec<(Located<String>, LetterEnd)>,
    /// How much virtual time that may take.
    pub within: Option<Located<Span>>,
}

/// How a letter's way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LetterEnd {
    /// The recipient read it.
    Delivered,
    /// A server did not take it.
    Refused,
    /// It could not be sent or delivered.
    Failed,
}

impl<'de> Deserialize<'de> for AwaitStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AwaitVisitor;

        impl<'de> Visitor<'de> for AwaitVisitor {
            type Value = AwaitStep;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping such as `{ letter: delivered, within: 1 h }`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut step = AwaitStep {
                    letters: Vec::new(),
                    within: None,
                };
                while let Some(key) = map.next_key::<Located<String>>()? {
                    if key.as_str() == "within" {
                        step.within = Some(map.next_value()?);
                    } else {
                        step.letters.push((key, map.next_value()?));
                    }
                }
                Ok(step)
            }
        }

        deserializer.deserialize_map(AwaitVisitor)
    }
}

impl JsonSchema for AwaitStep {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AwaitStep".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let end = generator.subschema_for::<LetterEnd>();
        let span = generator.subschema_for::<Span>();
        json_schema!({
            "description": "Time passes until letters have come to an end.",
            "type": "object",
            "properties": { "within": span },
            "additionalProperties": end
        })
    }
}

/// A user looks somebody's signet up.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResolveStep {
    /// Name of the look-up, where a scenario makes the same one twice.
    #[serde(rename = "as")]
    pub look_up: Option<Located<String>>,
    /// Who asks.
    pub by: Located<String>,
    /// Whose signet: a user, an organization, or an address nobody has.
    pub who: Located<String>,
}

/// Time passes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AdvanceStep {
    /// How much.
    pub by: Located<Span>,
}

/// A message made elsewhere is handed to its destination, as its origin would hand it over.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InjectStep {
    /// Name of the letter from here on.
    #[serde(rename = "as")]
    pub letter: Located<String>,
    /// Id of a message recorded with the imported world.
    pub message: Located<String>,
}

/// A stranger talks DMTP to a server over TLS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DmtpStep {
    /// Domain whose mail server is dialled.
    pub to: Located<String>,
    /// What is said and what must be answered, in order.
    pub lines: Vec<Located<DialogLine>>,
}

/// One line of a dialog.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DialogLine {
    /// Says this line. `{address:bob}` and `{fingerprint:beta.example}` are filled in, and a line
    /// end is added.
    Send(String),
    /// Says this many bytes drawn from the seed, as they are.
    SendBytes(ByteSize),
    /// The next whole reply begins with this code, or with this code and text. What is filled in
    /// for a sent line is filled in here.
    Expect(String),
    /// The server closes the connection and says nothing more.
    ExpectClose,
}

/// All along, a letter is damaged between origin and destination; stands before other steps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CorruptStep {
    /// Which letter.
    pub letter: Located<String>,
    /// In which chunk of it.
    pub chunk: ChunkWord,
    /// Which bit of the chunk's encrypted payload changes, from its begin.
    pub flip: Located<u32>,
}

/// The chunks of a message that a file can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChunkWord {
    /// Chunk 2.
    Ephemeral,
    /// Chunk 3.
    Alternate,
    /// Chunk 4.
    Origin,
    /// Chunk 5.
    Destination,
    /// Chunk 33.
    CommonHeaders,
    /// Chunk 34.
    OtherHeaders,
    /// The first chunk 67.
    Display,
    /// The first chunk 131.
    Attachment,
    /// Chunk 225.
    TreeSignature,
    /// Chunk 226.
    AuthorSignature,
    /// Chunk 248.
    MetadataBounce,
    /// Chunk 249.
    DisplayBounce,
    /// Chunk 255.
    OriginSignature,
}

impl ChunkWord {
    /// The type byte of the chunk in a message.
    pub fn type_byte(self) -> u8 {
        match self {
            ChunkWord::Ephemeral => 2,
            ChunkWord::Alternate => 3,
            ChunkWord::Origin => 4,
            ChunkWord::Destination => 5,
            ChunkWord::CommonHeaders => 33,
            ChunkWord::OtherHeaders => 34,
            ChunkWord::Display => 67,
            ChunkWord::Attachment => 131,
            ChunkWord::TreeSignature => 225,
            ChunkWord::AuthorSignature => 226,
            ChunkWord::MetadataBounce => 248,
            ChunkWord::DisplayBounce => 249,
            ChunkWord::OriginSignature => 255,
        }
    }
}

/// All along, a server gives out the wrong signet; stands before other steps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ServeStep {
    /// The organization whose server does it.
    pub domain: Located<String>,
    /// Who is asked for: one of its users, or the organization itself.
    #[serde(rename = "for")]
    pub asked: Located<String>,
    /// Whose signet it gives out instead.
    pub signet: Located<String>,
}
