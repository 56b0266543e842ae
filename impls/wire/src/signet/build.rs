//! Making signets: organization signets from a draft, SSRs from keys, user signets from SSRs
//! (spec/10 §5). Each signature covers the serialized fields in front of it.

use super::fields::write_field;
use super::validate::self_signature_verifies;
use super::{
    ALTERNATE_KEY, CUSTODY, FIRST_INFORMATION, FULL_SIGNATURE, Field, IDENTIFIED_SIGNATURE,
    IDENTIFIER, LAST_INFORMATION, NAMED, Permissions, SECONDARY_KEY, SELF_SIGNATURE, SIGNING_KEY,
    SecondaryKey, Signet, SignetError, SignetKind, with_header,
};
use crate::Profile;
use crate::keys::{AlternatePublicKey, EncryptionPublicKey, PrivateKeys, SigningKey, VerifyingKey};
use crate::name;

/// Begins an organization's signet: its POK and its encryption key.
pub fn organization(
    pok: &SigningKey,
    encryption: &EncryptionPublicKey,
    profile: Profile,
) -> OrganizationDraft {
    OrganizationDraft {
        pok: pok.public(),
        encryption: *encryption,
        profile,
        soks: Vec::new(),
        information: Vec::new(),
    }
}

/// An organization's signet before its signatures.
#[derive(Clone, Debug)]
pub struct OrganizationDraft {
    pok: VerifyingKey,
    encryption: EncryptionPublicKey,
    profile: Profile,
    soks: Vec<(Permissions, VerifyingKey)>,
    information: Vec<Information>,
}

impl OrganizationDraft {
    /// Adds a secondary organizational key.
    #[must_use]
    pub fn sok(mut self, permissions: Permissions, key: VerifyingKey) -> Self {
        self.soks.push((permissions, key));
        self
    }

    /// Adds an informational field, id 16 to 252 without 251. Fields go by id, then in this order.
    #[must_use]
    pub fn field(mut self, id: u8, data: &[u8]) -> Self {
        self.information.push(Information {
            id,
            name: None,
            data: data.to_vec(),
        });
        self
    }

    /// Adds a named extension field (251).
    #[must_use]
    pub fn named_field(mut self, name: &[u8], data: &[u8]) -> Self {
        self.information.push(Information {
            id: NAMED,
            name: Some(name.to_vec()),
            data: data.to_vec(),
        });
        self
    }

    /// Signs with the POK: the cryptographic, full and identifiable signatures over ids 1 to 3, up
    /// to 252, and up to 254 (the domain, in lower case). The result is an identified signet;
    /// [`Signet::split`] gives the shorter ones.
    pub fn sign(self, pok: &SigningKey, domain: &str) -> Result<Signet, SignetError> {
        if pok.public() != self.pok {
            return Err(SignetError::WrongKey);
        }
        if !name::is_domain(domain) {
            return Err(SignetError::Identifier(domain.to_owned()));
        }
        let mut writer = Writer::new(SignetKind::Organization, self.profile);
        writer.field(SIGNING_KEY, &self.pok.to_signet_format())?;
        for (permissions, key) in &self.soks {
            let secondary = SecondaryKey {
                permissions: *permissions,
                key: *key,
            };
            writer.field(SECONDARY_KEY, &secondary.to_bytes())?;
        }
        writer.field(
            SignetKind::Organization.encryption_field(),
            self.encryption.as_bytes(),
        )?;
        writer.finish(self.information, pok, domain)
    }
}

/// Makes an SSR from a user's new keys: the custody signature of the previous signing key if
/// there is one, then the self signature. Alternate keys are written with the length width of the
/// profile, so that the SSR can become a user signet (ruling `alternate-key-width`).
///
/// Fails only if the keys and signatures are more fields than a signet may have.
pub fn request(
    keys: &PrivateKeys,
    alternate: &[AlternatePublicKey],
    previous: Option<&SigningKey>,
    profile: Profile,
) -> Result<Signet, SignetError> {
    let kind = SignetKind::Request;
    let mut writer = Writer::new(kind, profile);
    writer.field(SIGNING_KEY, &keys.signing.public().to_signet_format())?;
    writer.field(kind.encryption_field(), keys.encryption.public().as_bytes())?;
    for key in alternate {
        writer.field(ALTERNATE_KEY, &key.0)?;
    }
    if let Some(previous) = previous {
        writer.sign(CUSTODY, previous);
    }
    writer.sign(SELF_SIGNATURE, &keys.signing);
    writer.into_signet()
}

/// Turns a request into an identified user signet: the organization (POK, or a SOK that may sign
/// signets) signs the keys, then the informational `fields` (ids 16 to 252 without 251), then
/// the `address`.
///
/// Refused: a request whose self signature is wrong, that lacks a key, or whose alternate key has a length width that
/// a user signet cannot have. Custody is for the caller to judge with [`super::validate_request`], as
/// only it knows the previous signet; which address the request may have is for the caller, too.
pub fn issue(
    request: &Signet,
    organization_key: &SigningKey,
    fields: &[(u8, &[u8])],
    address: &str,
) -> Result<Signet, SignetError> {
    let fields: Vec<_> = fields
        .iter()
        .map(|(id, data)| Field {
            id: *id,
            label: "",
            name: None,
            data,
        })
        .collect();
    issue_fields(request, organization_key, &fields, address)
}

/// As [`issue`], with fields that may be named extensions (251). Labels are not looked at.
pub fn issue_fields(
    request: &Signet,
    organization_key: &SigningKey,
    fields: &[Field<'_>],
    address: &str,
) -> Result<Signet, SignetError> {
    if request.kind() != SignetKind::Request {
        return Err(SignetError::Kind(request.kind()));
    }
    if !name::is_address(address) {
        return Err(SignetError::Identifier(address.to_owned()));
    }
    if !self_signature_verifies(request) {
        return Err(SignetError::SelfSignature);
    }
    if let Some(missing) = request.first_missing_below(SignetKind::Request, SELF_SIGNATURE) {
        return Err(SignetError::Missing(missing));
    }
    request.check_alternate_width()?;
    let mut writer = Writer::new(SignetKind::User, request.profile());
    writer
        .fields
        .extend_from_slice(request.through(SELF_SIGNATURE));
    let information = fields.iter().map(|field| Information {
        id: field.id,
        name: field.name.map(<[u8]>::to_vec),
        data: field.data.to_vec(),
    });
    writer.finish(information.collect(), organization_key, address)
}

/// An informational field to be written.
#[derive(Clone, Debug)]
struct Information {
    id: u8,
    name: Option<Vec<u8>>,
    data: Vec<u8>,
}

/// Serializes fields in the order they come.
struct Writer {
    kind: SignetKind,
    profile: Profile,
    fields: Vec<u8>,
}

impl Writer {
    fn new(kind: SignetKind, profile: Profile) -> Self {
        Self {
            kind,
            profile,
            fields: Vec::new(),
        }
    }

    fn field(&mut self, id: u8, data: &[u8]) -> Result<(), SignetError> {
        self.information(id, None, data)
    }

    fn information(&mut self, id: u8, name: Option<&[u8]>, data: &[u8]) -> Result<(), SignetError> {
        write_field(&mut self.fields, (self.kind, self.profile), id, name, data)
    }

    /// Appends a signature over everything written so far.
    fn sign(&mut self, id: u8, key: &SigningKey) {
        let signature = key.sign(&self.fields);
        self.fields.push(id);
        self.fields.extend_from_slice(&signature.0);
    }

    /// The organization's part of a signet, from its cryptographic signature to the last one.
    fn finish(
        mut self,
        mut information: Vec<Information>,
        key: &SigningKey,
        identifier: &str,
    ) -> Result<Signet, SignetError> {
        if let Some(id) = self.kind.cryptographic_signature() {
            self.sign(id, key);
        }
        information.sort_by_key(|field| field.id);
        for field in &information {
            if !(FIRST_INFORMATION..=LAST_INFORMATION).contains(&field.id) {
                return Err(SignetError::Value(field.id));
            }
            self.information(field.id, field.name.as_deref(), &field.data)?;
        }
        self.sign(FULL_SIGNATURE, key);
        self.field(IDENTIFIER, name::normalized(identifier).as_bytes())?;
        self.sign(IDENTIFIED_SIGNATURE, key);
        self.into_signet()
    }

    /// Parsing what was written catches repeated unique fields and excess size.
    fn into_signet(self) -> Result<Signet, SignetError> {
        Signet::parse(&with_header(self.kind, &self.fields))
    }
}
