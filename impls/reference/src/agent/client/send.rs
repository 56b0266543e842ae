//! The author's side: look up, seal, hand in.

use dime_wire::message::{
    CommonHeaders, Letter, Message, ParseError, Part, SealError, SealOptions, Signets,
    StreamEntropy,
};
use dime_wire::name::{domain_of, normalized};

use super::attachment::{Attachment, AttachmentFault};
use super::date::format_date;
use super::{AccessError, UserAgent, done};
use crate::dmtp::ReturnWish;
use crate::platform::Purpose;
use crate::resolver::ResolveError;

/// A letter to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendRequest {
    /// Address of the recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// All other headers as one text, lines ended by CR LF.
    pub other_headers: Vec<u8>,
    /// The body, at least one part.
    pub body: Vec<Vec<u8>>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Whether the body goes under the alternate layer too; the recipient's signet must have an
    /// alternate key.
    pub alternate: bool,
    /// Whether the letter is sealed under the hardened profile, so that the destination cannot
    /// confirm the author. The recipient must know the profile; nothing announces that they do.
    pub hardened: bool,
    /// What a bounce may contain.
    pub wish: Option<ReturnWish>,
}

/// A letter that the own server has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReceipt {
    /// Identity of the message: SHA-512 over chunks 2 to 226.
    pub identity: [u8; 64],
    /// The author's object, as it was handed in.
    pub message: Vec<u8>,
    /// What the server said.
    pub text: String,
}

/// Why a letter was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The recipient or one of the organizations cannot be found or trusted.
    #[error("failed to find the recipient or an organization: {0}")]
    Resolve(#[from] ResolveError),
    /// An attachment cannot be written.
    #[error(transparent)]
    Attachment(#[from] AttachmentFault),
    /// The letter cannot be sealed.
    #[error("failed to seal the letter: {0}")]
    Seal(#[from] SealError),
    /// Our own sealer made no message; our fault.
    #[error("sealed letter is not a message: {0}")]
    NotAMessage(#[from] ParseError),
    /// The own server cannot be used or refuses.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl UserAgent {
    /// Looks up the recipient, seals a letter to them, and hands it in at the own server.
    ///
    /// # Errors
    /// [`SendError`]; nothing was handed in then, unless the own server failed while answering.
    pub async fn send(&self, request: SendRequest) -> Result<SentReceipt, SendError> {
        let message = self.seal(&request).await?;
        self.submit(message, request.wish).await
    }

    /// Looks up the recipient and seals a letter to them.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn seal(&self, request: &SendRequest) -> Result<Vec<u8>, SendError> {
        let inner = &self.inner;
        let config = &inner.config;
        let resolver = &inner.parts.resolver;
        let recipient = resolver.user(&request.to, None).await?;
        let origin = resolver.organization(&config.organization).await?;
        let signets = Signets {
            author: &config.signet,
            origin: &origin.signet,
            destination: &recipient.organization.signet,
            recipient: &recipient.signet,
        };
        let letter = self.letter(request)?;
        let options = SealOptions {
            alternate: request.alternate,
            hardened: request.hardened,
            ..SealOptions::default()
        };
        let number = {
            let mut state = inner.state();
            state.sent += 1;
            state.sent
        };
        let purpose = Purpose(format!("letter[{number}].seal"));
        let mut entropy = StreamEntropy(inner.platform.entropy(purpose));
        let key = &config.keys.signing;
        let sealer = &inner.parts.sealer;
        Ok(sealer.seal(&letter, &signets, key, &mut entropy, &options)?)
    }

    /// Hands in a sealed letter at the own server.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn submit(
        &self,
        message: Vec<u8>,
        wish: Option<ReturnWish>,
    ) -> Result<SentReceipt, SendError> {
        let identity = Message::parse(&message)?.identity();
        let mut line = self.inner.log_in().await?;
        let answer = line.submit(message.clone(), wish).await;
        let completion = done("SUBMIT", answer.map_err(AccessError::from)?)?;
        line.logout().await;
        Ok(SentReceipt {
            identity,
            message,
            text: completion.text,
        })
    }

    fn letter(&self, request: &SendRequest) -> Result<Letter, SendError> {
        let config = &self.inner.config;
        let to = normalized(&request.to);
        let attachments = request
            .attachments
            .iter()
            .map(|attachment| attachment.encode().map(Part::plain))
            .collect::<Result<_, _>>()?;
        Ok(Letter {
            author: normalized(&config.address),
            recipient: to.clone(),
            origin: normalized(&config.organization),
            destination: domain_of(&to).to_owned(),
            common: CommonHeaders {
                date: format_date(self.inner.platform.clock().wall()),
                to,
                from: normalized(&config.address),
                subject: request.subject.clone(),
                ..CommonHeaders::default()
            },
            other_headers: request.other_headers.clone(),
            display: request.body.iter().cloned().map(Part::plain).collect(),
            attachments,
        })
    }
}
