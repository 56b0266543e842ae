//! Facts about the texts in a message, envelopes and common headers, read more leniently than they
//! are written: whether they are well formed, and whether they fit the signets that were given.

use dime_wire::message::Actor;
use dime_wire::signet::{FingerprintKind, Signet};
use serde_json::{Value, json};

use super::messages::Cast;

/// Characters of a fingerprint.
const FINGERPRINT: usize = 86;

/// The texts of chunks 4 and 5, as far as an actor can read them.
pub(super) struct Envelopes {
    origin: Option<String>,
    destination: Option<String>,
}

impl Envelopes {
    pub(super) fn read(origin: Option<Vec<u8>>, destination: Option<Vec<u8>>) -> Self {
        let text = |data: Vec<u8>| String::from_utf8_lossy(&data).into_owned();
        Self {
            origin: origin.map(text),
            destination: destination.map(text),
        }
    }

    /// Whether what the actor can read is well formed and names whose signets it was given.
    pub(super) fn facts(&self, actor: Actor, cast: &Cast) -> Value {
        let mut lines = Vec::new();
        for (text, labels) in [
            (&self.origin, ["Author", "Destination"]),
            (&self.destination, ["Recipient", "Origin"]),
        ] {
            if let Some(text) = text {
                lines.push((text.as_str(), labels));
            }
        }
        // The hardened profile adds a fifth line to chunk 4. Whoever reads chunk 5, too, must find that
        // signed with the key of that line; signed with the author's, the line is a mere trailer.
        let mut lines_of = lines.iter();
        let may_be_hardened = actor == Actor::Origin;
        let strict = lines_of.all(|(text, labels)| is_strict(text, *labels, may_be_hardened));
        let mut names_fit = true;
        let mut prints_fit = true;
        for (text, labels) in &lines {
            for label in labels {
                let Some(signet) = whose(label).and_then(|whose| cast.signet(whose).ok()) else {
                    continue;
                };
                names_fit &= names(text, label, signet);
                prints_fit &= fingerprints(text, label, signet);
            }
        }
        names_fit &= match actor {
            Actor::Author | Actor::Recipient => self.hops_fit(),
            Actor::Origin => own_user(&self.origin, "Author", cast.signet(actor).ok()),
            Actor::Destination => own_user(&self.destination, "Recipient", cast.signet(actor).ok()),
        };
        json!({ "is_strict": strict, "names_fit": names_fit, "prints_fit": prints_fit })
    }

    /// Whether author and origin, and recipient and destination, are of one domain.
    fn hops_fit(&self) -> bool {
        let (Some(origin), Some(destination)) = (&self.origin, &self.destination) else {
            return true;
        };
        lies_in(name(origin, "Author"), name(destination, "Origin"))
            && lies_in(name(destination, "Recipient"), name(origin, "Destination"))
    }
}

fn lies_in(user: Option<&str>, domain: Option<&str>) -> bool {
    let own = user.and_then(|user| Some(user.rsplit_once('@')?.1));
    own.zip(domain)
        .is_some_and(|(own, domain)| own.eq_ignore_ascii_case(domain))
}

/// Whether the user named in the envelope is one of the organization's that reads it.
fn own_user(text: &Option<String>, label: &str, organization: Option<&Signet>) -> bool {
    let domain = organization.and_then(Signet::identifier);
    match (text, domain) {
        (Some(text), Some(domain)) => lies_in(name(text, label), Some(domain)),
        _ => true,
    }
}

fn whose(label: &str) -> Option<Actor> {
    Actor::ALL
        .into_iter()
        .find(|actor| actor.name().eq_ignore_ascii_case(label))
}

fn name<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("{label}: <"))?;
    rest.split_once('>').map(|(value, _)| value)
}

fn fingerprint<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("{label}-Signet: ["))?;
    rest.split_once(']').map(|(value, _)| value)
}

/// Whether the name is that of the signet, if the signet tells one. Local parts are compared exactly.
fn names(text: &str, label: &str, signet: &Signet) -> bool {
    let same = |name: &str, own: &str| match (name.rsplit_once('@'), own.rsplit_once('@')) {
        (Some((user, domain)), Some((own_user, own_domain))) => {
            user == own_user && domain.eq_ignore_ascii_case(own_domain)
        }
        (None, None) => name.eq_ignore_ascii_case(own),
        _ => false,
    };
    let own = signet.identifier();
    own.is_none_or(|own| name(text, label).is_some_and(|name| same(name, own)))
}

fn fingerprints(text: &str, label: &str, signet: &Signet) -> bool {
    let own = signet.fingerprint(FingerprintKind::Cryptographic);
    own.is_some_and(|own| fingerprint(text, label) == Some(own.as_str()))
}

/// Whether the text is the lines of its labels, with names and fingerprints of the right form, and behind
/// them nothing or what makes it hardened.
fn is_strict(text: &str, labels: [&str; 2], may_be_hardened: bool) -> bool {
    let is_print = |print: &str| {
        let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        print.len() == FINGERPRINT && print.bytes().all(alphabet)
    };
    let mut wanted = String::new();
    for label in labels {
        let (Some(name), Some(print)) = (name(text, label), fingerprint(text, label)) else {
            return false;
        };
        let is_user = matches!(label, "Author" | "Recipient");
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'<');
        if name.is_empty() || !plain || name.contains('@') != is_user || !is_print(print) {
            return false;
        }
        wanted += &format!("{label}: <{name}>\r\n{label}-Signet: [{print}]\r\n");
    }
    let Some(rest) = text.strip_prefix(&wanted) else {
        return false;
    };
    let key = rest.strip_prefix("Message-Key: [");
    let key = key.and_then(|key| key.strip_suffix("]\r\n"));
    rest.is_empty() || may_be_hardened && key.is_some_and(|key| key.len() == 43)
}

/// Whether common headers are lines as they are written, and the required ones there.
pub(super) fn header_facts(data: &[u8]) -> Value {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let label = |line: &&str| Some(line.split_once(':')?.0.to_owned());
    let labels: Vec<String> = lines.iter().filter_map(label).collect();
    let required = ["Date", "To", "From", "Subject"];
    let has = |wanted: &&str| labels.iter().any(|label| label == wanted);
    json!({
        "has_required": required.iter().all(has),
        "lines_end_in_crlf": lines.iter().all(|line| ends_in_crlf(line)),
        "is_utf8": std::str::from_utf8(data).is_ok(),
        "labels": labels,
    })
}

/// Whether the line ends in CR LF and holds no other CR.
fn ends_in_crlf(line: &str) -> bool {
    line.strip_suffix("\r\n")
        .is_some_and(|line| !line.contains('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_key_is_a_trailer_to_all_but_the_origin() {
        let labels = ["Author", "Destination"];
        let print = "A".repeat(FINGERPRINT);
        let plain = format!(
            "Author: <a@b>\r\nAuthor-Signet: [{print}]\r\nDestination: <c>\r\nDestination-Signet: [{print}]\r\n"
        );
        assert!(is_strict(&plain, labels, false));
        let hardened = format!("{plain}Message-Key: [{}]\r\n", "B".repeat(43));
        assert!(is_strict(&hardened, labels, true));
        assert!(!is_strict(&hardened, labels, false));
    }
}
