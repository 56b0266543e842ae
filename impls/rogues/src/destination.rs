//! Destinations that tell the origin who the recipient is.

use std::sync::Arc;

use dime::agent::server::{Delivered, Parts, Refusal, Replies};
use dime::dmtp::{Code, Reply};

/// Names the recipient in its reply to DATA.
pub fn name_recipient(honest: Parts) -> Parts {
    let replies = Arc::new(TalkativeReplies(honest.replies.clone()));
    Parts { replies, ..honest }
}

struct TalkativeReplies(Arc<dyn Replies>);

impl Replies for TalkativeReplies {
    fn delivered(&self, letter: &Delivered<'_>) -> Reply {
        let text = format!("OK delivered to {}", letter.recipient);
        Reply::new(Code::ACCEPTED, text).unwrap_or_else(|_| self.0.delivered(letter))
    }

    fn refused(&self, refusal: &Refusal, recipient: Option<&str>) -> Reply {
        self.0.refused(refusal, recipient)
    }
}
