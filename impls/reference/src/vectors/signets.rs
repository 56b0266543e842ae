//! Signets: each is read and judged as libdime did, in the context that libdime had.

use dime_wire::keys::VerifyingKey;
use dime_wire::signet::{
    Field, FingerprintKind, Permissions, Signet, SignetError, SignetKind, State,
    validate_organization, validate_request, validate_user,
};
use serde_json::{Value, json};

use super::judge::each;
use super::signet_facts::{self, Surroundings};
use super::{Comparisons, Context, Entry, FolderError, Judge, World};

/// Whether a file holds signets and libdime's verdicts on them.
pub(super) fn recognizes(file: &Entry<'_>) -> bool {
    let cases = file.at("cases").items().unwrap_or_default();
    let verdict = |case: &Entry<'_>| case.at("libdime").optional("deserialize_ok").is_some();
    !cases.is_empty() && cases.iter().all(verdict)
}

/// Judges `signets_valid.json`, `signets_context.json` and `signets_corrupt.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(&file.at("cases"), |case| {
        let world = context.worlds.of_case(case)?;
        let bytes = match case.optional("signet") {
            Some(name) => world.signet_bytes_at(&name)?,
            None => case.at("signet_b64").base64()?,
        };
        let given = Given::of(case, world)?;
        let facts = signet_facts::gather(&bytes, &given.surroundings());
        let mut found = Comparisons::new();
        compare(case, &bytes, &given, &mut found)?;
        judge.case(case, &facts, &found);
        Ok(())
    })
}

/// What libdime's validation was given.
struct Given {
    organization: Option<Vec<u8>>,
    previous: Option<Vec<u8>>,
    poks: Vec<VerifyingKey>,
}

impl Given {
    fn of(case: &Entry<'_>, world: &World<'_>) -> Result<Self, FolderError> {
        let context = case.at("context");
        let signet = |key: &str| {
            let name = context.optional(key);
            name.map(|name| world.signet_bytes_at(&name)).transpose()
        };
        let mut poks = Vec::new();
        if let Some(list) = context.optional("poks_hex") {
            for pok in list.items()? {
                poks.push(VerifyingKey(pok.array()?));
            }
        }
        Ok(Self {
            organization: signet("org_signet")?,
            previous: signet("previous_signet")?,
            poks,
        })
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            organization: self.organization.as_deref(),
            previous: self.previous.as_deref(),
        }
    }

    /// Full validation. Names are not compared, as libdime does not. What is not given, or is no
    /// signet to us, makes judgement impossible, which is our `SS_UNKNOWN` as it is libdime's.
    fn judge(&self, signet: &Signet) -> State {
        let read = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(Signet::parse);
        let (organization, previous) = (read(&self.organization), read(&self.previous));
        let previous = match previous {
            Some(Err(_)) => return State::Unknown,
            previous => previous.and_then(Result::ok),
        };
        match (signet.kind(), organization) {
            (SignetKind::Organization, _) => validate_organization(signet, &self.poks, None),
            (SignetKind::Request, _) => validate_request(signet, previous.as_ref()),
            (SignetKind::User, Some(Ok(organization))) => {
                validate_user(signet, &organization, previous.as_ref(), None)
            }
            (SignetKind::User, _) if signet.structure() < State::Cryptographic => {
                signet.structure()
            }
            (SignetKind::User, _) => State::Unknown,
        }
    }
}

fn compare(
    case: &Entry<'_>,
    bytes: &[u8],
    given: &Given,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let libdime = case.at("libdime");
    let parsed = libdime.at("deserialize_ok").boolean()?;
    let verdict = |ok: bool| if ok { "accept" } else { "reject" };
    let ours = Signet::parse(bytes);
    found.equal("parsing", verdict(ours.is_ok()), verdict(parsed));
    if let Err(error) = &ours {
        found.because(error).with("reason", reason(error));
    }
    let state = libdime.at("state");
    found.with("recorded_state", state.value().clone());
    if !parsed || libdime.optional("crash").is_some() {
        return Ok(());
    }
    let Ok(signet) = ours else { return Ok(()) };
    found.bytes("written", signet.as_bytes(), bytes);
    for (aspect, own) in describe(&signet) {
        // `fields` and `signkeys_*` are recorded for some files and kinds only.
        if let Some(recorded) = libdime.value().get(&aspect) {
            found.equal(aspect, own, recorded.clone());
        }
    }
    let own = state_name(given.judge(&signet));
    found.equal("state", own, state.text()?);
    texts(case, &signet, found)
}

/// The forms that libdime wrote, for which a case has them, are written and read alike.
fn texts(case: &Entry<'_>, signet: &Signet, found: &mut Comparisons) -> Result<(), FolderError> {
    if let Some(text) = case.optional("base64") {
        found.equal("base64", signet.to_base64(), text.text()?);
        let same = Signet::from_base64(text.text()?).as_ref() == Ok(signet);
        found.equal("base64 read", same, true);
    }
    if let Some(text) = case.optional("armored_text") {
        found.equal("armored_text", signet.to_armor(), text.text()?);
        let same = Signet::from_armor(text.text()?).as_ref() == Ok(signet);
        found.equal("armored_text read", same, true);
    }
    Ok(())
}

/// What a signet is, by itself, under libdime's names.
fn describe(signet: &Signet) -> Vec<(String, Value)> {
    let kind = match signet.kind() {
        SignetKind::Organization => "org",
        SignetKind::User => "user",
        SignetKind::Request => "ssr",
    };
    let fields: Vec<Value> = signet.fields().map(describe_field).collect();
    let mut out = vec![
        ("type".to_owned(), json!(kind)),
        (
            "structure_state".to_owned(),
            json!(state_name(signet.structure())),
        ),
        (
            "signing_key_usable".to_owned(),
            json!(signet.signing_key().is_ok()),
        ),
        (
            "encryption_key_usable".to_owned(),
            json!(signet.encryption_key().is_ok()),
        ),
        ("fields".to_owned(), json!(fields)),
    ];
    let names = ["ssr", "crypto", "full", "id"];
    for (kind, name) in FingerprintKind::ALL.into_iter().zip(names) {
        let print = signet.fingerprint(kind).map(|print| print.to_string());
        out.push((format!("fingerprint_{name}"), json!(print)));
    }
    for (permissions, name) in [
        (Permissions::MESSAGES, "msg"),
        (Permissions::SIGNETS, "signet"),
        (Permissions::TLS, "tls"),
        (Permissions::SOFTWARE, "software"),
    ] {
        let keys = signet.keys_for(permissions).ok();
        let keys: Option<Vec<String>> =
            keys.map(|keys| keys.iter().map(|key| hex::encode(key.0)).collect());
        out.push((format!("signkeys_{name}"), json!(keys)));
    }
    out
}

fn describe_field(field: Field<'_>) -> Value {
    let mut out =
        json!({ "id": field.id, "label": field.label, "data_hex": hex::encode(field.data) });
    if let (Some(name), Some(out)) = (field.name, out.as_object_mut()) {
        out.insert("name_hex".to_owned(), json!(hex::encode(name)));
    }
    out
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Unknown => "SS_UNKNOWN",
        State::Incomplete => "SS_INCOMPLETE",
        State::BrokenCustody => "SS_BROKEN_COC",
        State::Invalid => "SS_INVALID",
        State::Request => "SS_SSR",
        State::Cryptographic => "SS_CRYPTO",
        State::Full => "SS_FULL",
        State::Identified => "SS_ID",
    }
}

/// The kind of an error under a name that rulings use.
fn reason(error: &SignetError) -> &'static str {
    match error {
        SignetError::Magic => "magic",
        SignetError::Length => "length",
        SignetError::Truncated(_) => "truncated",
        SignetError::UnknownField(_) => "unknown-field",
        SignetError::Order(_) => "order",
        SignetError::Repeated(_) => "repeated",
        SignetError::TooManyFields => "too-many-fields",
        _ => "other",
    }
}
