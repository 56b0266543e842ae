//! Editing signets: setting, adding and removing fields, and signing again from there
//! (spec/10 §5, spec/90 items 18, 21 and 22).
//!
//! Every change removes the signatures that cover the changed field, so what an editor holds never
//! carries a signature that the edit made wrong. A change that fails changes nothing.

use super::fields::{Form, write_field};
use super::photo::Photo;
use super::{
    ALTERNATE_KEY, CUSTODY, FIRST_INFORMATION, FULL_SIGNATURE, IDENTIFIED_SIGNATURE, IDENTIFIER,
    LAST_INFORMATION, NAMED, SECONDARY_KEY, SELF_SIGNATURE, SecondaryKey, Signet, SignetError,
    SignetKind, Span, State, validate, with_header,
};
use crate::keys::{AlternatePublicKey, EncryptionPublicKey, SigningKey, VerifyingKey};
use crate::name;

/// A signet that is being changed.
///
/// A change to field *n* removes every signature with an id above *n*: an informational field
/// costs the full and the identifiable signature, a key of an organization all three.
///
/// ```
/// # use dime_wire::keys::{EncryptionKey, SigningKey};
/// # use dime_wire::{Profile, signet::{self, State}};
/// # let (pok, encryption) = (SigningKey::from_seed([1; 32]), EncryptionKey::derive([2; 32]));
/// # let signet = signet::organization(&pok, &encryption.public(), Profile::Libdime).sign(&pok, "one.example")?;
/// let mut editor = signet.edit();
/// editor.set(16, b"One")?.add(21, b"+1 555 0100")?;
/// assert_eq!(editor.signet().structure(), State::Cryptographic);
/// editor.sign_full(&pok, None)?.sign_identified(&pok, None)?;
/// assert_eq!(editor.finish().structure(), State::Identified);
/// # Ok::<(), signet::SignetError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SignetEditor {
    signet: Signet,
}

impl Signet {
    /// Begins to change a copy of this signet.
    pub fn edit(&self) -> SignetEditor {
        SignetEditor {
            signet: self.clone(),
        }
    }

    /// The request that a user signet was made from: its fields up to the self signature, under
    /// the request's header.
    pub fn to_request(&self) -> Result<Signet, SignetError> {
        if self.kind() != SignetKind::User {
            return Err(SignetError::Kind(self.kind()));
        }
        if self.structure() < State::Cryptographic {
            return Err(SignetError::Structure(self.structure()));
        }
        Signet::parse(&with_header(
            SignetKind::Request,
            self.through(SELF_SIGNATURE),
        ))
    }
}

/// Fields.
impl SignetEditor {
    /// The signet as it stands.
    pub fn signet(&self) -> &Signet {
        &self.signet
    }

    /// The signet, with the signatures that it has by now.
    pub fn finish(self) -> Signet {
        self.signet
    }

    /// Sets an informational field (ids 16 to 252 without 251) to this one value.
    pub fn set(&mut self, id: u8, data: &[u8]) -> Result<&mut Self, SignetError> {
        let field = self.information(id, data)?;
        self.replace(id, |_| true, Some(&field))
    }

    /// Adds a value to an informational field, behind those it has. Refused as
    /// [`SignetError::Repeated`] if the field is unique and there.
    pub fn add(&mut self, id: u8, data: &[u8]) -> Result<&mut Self, SignetError> {
        let field = self.information(id, data)?;
        self.replace(id, |_| false, Some(&field))
    }

    /// Removes all values of an informational field, of all names if it is 251.
    pub fn remove(&mut self, id: u8) -> Result<&mut Self, SignetError> {
        self.check_information(id)?;
        self.replace(id, |_| true, None)
    }

    /// Removes one value of an informational field and leaves its others.
    pub fn remove_value(&mut self, id: u8, data: &[u8]) -> Result<&mut Self, SignetError> {
        self.check_information(id)?;
        self.replace_data(id, |old| old == data)
    }

    /// Sets the named extension field (251) of this name to this one value.
    pub fn set_named(&mut self, name: &[u8], data: &[u8]) -> Result<&mut Self, SignetError> {
        let field = self.serialized(NAMED, Some(name), data)?;
        self.replace(NAMED, |old| old == Some(name), Some(&field))
    }

    /// Adds a named extension field (251), whether or not there is one of this name.
    pub fn add_named(&mut self, name: &[u8], data: &[u8]) -> Result<&mut Self, SignetError> {
        let field = self.serialized(NAMED, Some(name), data)?;
        self.replace(NAMED, |_| false, Some(&field))
    }

    /// Removes the named extension fields (251) of this name.
    pub fn remove_named(&mut self, name: &[u8]) -> Result<&mut Self, SignetError> {
        self.replace(NAMED, |old| old == Some(name), None)
    }

    /// Sets the photo (252), which must be a PNG image within the limits of [`Photo`].
    pub fn set_photo(&mut self, png: &[u8]) -> Result<&mut Self, SignetError> {
        Photo::parse(png).ok_or(SignetError::Photo)?;
        self.set(LAST_INFORMATION, png)
    }

    /// Sets the identifier (254): a domain for an organization, an address for a user. The domain
    /// is written in lower case.
    pub fn set_identifier(&mut self, identifier: &str) -> Result<&mut Self, SignetError> {
        self.refuse_kind(SignetKind::Request)?;
        if !validate::is_identifier(self.signet.kind(), identifier) {
            return Err(SignetError::Identifier(identifier.to_owned()));
        }
        let field = self.serialized(IDENTIFIER, None, name::normalized(identifier).as_bytes())?;
        self.replace(IDENTIFIER, |_| true, Some(&field))
    }

    /// Removes the identifier and with it the identifiable signature.
    pub fn remove_identifier(&mut self) -> Result<&mut Self, SignetError> {
        self.replace(IDENTIFIER, |_| true, None)
    }

    /// Adds a secondary key to an organization's signet.
    pub fn add_secondary_key(&mut self, key: SecondaryKey) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Organization)?;
        let field = self.serialized(SECONDARY_KEY, None, &key.to_bytes())?;
        self.replace(SECONDARY_KEY, |_| false, Some(&field))
    }

    /// Removes a secondary key from an organization's signet, whatever it may sign.
    pub fn remove_secondary_key(&mut self, key: &VerifyingKey) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Organization)?;
        let data = key.to_signet_format();
        self.replace_data(SECONDARY_KEY, |old| old.get(1..) == Some(data.as_slice()))
    }

    /// Exchanges the encryption key of an organization or of a request. A user signet's keys are
    /// changed by a new request only, since its user must sign them.
    pub fn set_encryption_key(
        &mut self,
        key: &EncryptionPublicKey,
    ) -> Result<&mut Self, SignetError> {
        self.refuse_kind(SignetKind::User)?;
        let id = self.signet.kind().encryption_field();
        let field = self.serialized(id, None, key.as_bytes())?;
        self.replace(id, |_| true, Some(&field))
    }

    /// Adds an alternate encryption key to a request.
    pub fn add_alternate_key(
        &mut self,
        key: &AlternatePublicKey,
    ) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Request)?;
        let field = self.serialized(ALTERNATE_KEY, None, &key.0)?;
        self.replace(ALTERNATE_KEY, |_| false, Some(&field))
    }

    /// Removes an alternate encryption key from a request.
    pub fn remove_alternate_key(
        &mut self,
        key: &AlternatePublicKey,
    ) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Request)?;
        self.replace_data(ALTERNATE_KEY, |old| old == key.0)
    }
}

/// Signatures. Each covers all fields with lower ids, needs those of them that are required, and
/// removes the signatures above.
impl SignetEditor {
    /// Signs custody (field 4) of a request with the user's previous signing key. The self
    /// signature covers this one and comes after it.
    pub fn sign_custody(&mut self, previous: &SigningKey) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Request)?;
        self.sign(CUSTODY, previous, SignetKind::Request)
    }

    /// Signs a request (field 5) with the key that is in it.
    pub fn sign_request(&mut self, key: &SigningKey) -> Result<&mut Self, SignetError> {
        self.require_kind(SignetKind::Request)?;
        self.check_own_key(key)?;
        self.sign(SELF_SIGNATURE, key, SignetKind::Request)
    }

    /// Makes the cryptographic signature: field 4 of an organization's signet by its POK, field 6
    /// of a user's by `issuer`'s POK or a SOK that may sign signets. A request, whose self signature
    /// must be good, thereby becomes a user signet; an existing user signet may be signed
    /// again, as after a change of the organization's POK.
    ///
    /// `issuer` is the signet of the organization that signs for a user, and not looked at for an
    /// organization's own; custody is for the caller to judge.
    pub fn sign_cryptographic(
        &mut self,
        key: &SigningKey,
        issuer: Option<&Signet>,
    ) -> Result<&mut Self, SignetError> {
        self.check_organization_key(key, issuer)?;
        let kind = match self.signet.kind() {
            SignetKind::Organization => SignetKind::Organization,
            SignetKind::User | SignetKind::Request => {
                if !validate::self_signature_verifies(&self.signet) {
                    return Err(SignetError::SelfSignature);
                }
                self.signet.check_alternate_width()?;
                SignetKind::User
            }
        };
        let id = kind.cryptographic_signature();
        self.sign(id.ok_or(SignetError::Kind(kind))?, key, kind)
    }

    /// Makes the full signature (field 253); keys and `issuer` as for the cryptographic one.
    pub fn sign_full(
        &mut self,
        key: &SigningKey,
        issuer: Option<&Signet>,
    ) -> Result<&mut Self, SignetError> {
        self.refuse_kind(SignetKind::Request)?;
        self.check_organization_key(key, issuer)?;
        self.sign(FULL_SIGNATURE, key, self.signet.kind())
    }

    /// Makes the identifiable signature (field 255); keys and `issuer` as for the cryptographic
    /// one. The identifier must be a domain or address as the kind of signet demands, and a user's
    /// lie in the issuer's domain, if the issuer's signet names one.
    pub fn sign_identified(
        &mut self,
        key: &SigningKey,
        issuer: Option<&Signet>,
    ) -> Result<&mut Self, SignetError> {
        self.refuse_kind(SignetKind::Request)?;
        self.check_organization_key(key, issuer)?;
        let in_domain = match (self.signet.kind(), issuer) {
            (SignetKind::User, Some(issuer)) => validate::domain_fits(&self.signet, issuer),
            _ => true,
        };
        if !in_domain || !validate::identifier_is_sound(&self.signet) {
            let identifier = self.signet.identifier().unwrap_or_default().to_owned();
            return Err(SignetError::Identifier(identifier));
        }
        self.sign(IDENTIFIED_SIGNATURE, key, self.signet.kind())
    }
}

impl SignetEditor {
    fn require_kind(&self, kind: SignetKind) -> Result<(), SignetError> {
        if self.signet.kind() == kind {
            Ok(())
        } else {
            Err(SignetError::Kind(self.signet.kind()))
        }
    }

    fn refuse_kind(&self, kind: SignetKind) -> Result<(), SignetError> {
        if self.signet.kind() == kind {
            Err(SignetError::Kind(kind))
        } else {
            Ok(())
        }
    }

    fn check_own_key(&self, key: &SigningKey) -> Result<(), SignetError> {
        if self.signet.signing_key()? == key.public() {
            Ok(())
        } else {
            Err(SignetError::WrongKey)
        }
    }

    fn check_organization_key(
        &self,
        key: &SigningKey,
        issuer: Option<&Signet>,
    ) -> Result<(), SignetError> {
        if self.signet.kind() == SignetKind::Organization {
            return self.check_own_key(key);
        }
        let issuer = issuer
            .filter(|issuer| validate::Issuer::new(issuer).is_some())
            .ok_or(SignetError::Issuer)?;
        // An error about one of the issuer's fields would be taken for one about this signet's.
        let keys = issuer.signet_keys().map_err(|_| SignetError::Issuer)?;
        if keys.contains(&key.public()) {
            Ok(())
        } else {
            Err(SignetError::WrongKey)
        }
    }

    fn check_information(&self, id: u8) -> Result<(), SignetError> {
        self.signet
            .kind()
            .rule(id)
            .ok_or(SignetError::UnknownField(id))?;
        if (FIRST_INFORMATION..=LAST_INFORMATION).contains(&id) {
            Ok(())
        } else {
            Err(SignetError::Value(id))
        }
    }

    fn information(&self, id: u8, data: &[u8]) -> Result<Vec<u8>, SignetError> {
        self.check_information(id)?;
        self.serialized(id, None, data)
    }

    fn serialized(&self, id: u8, name: Option<&[u8]>, data: &[u8]) -> Result<Vec<u8>, SignetError> {
        let mut out = Vec::with_capacity(name.map_or(0, <[u8]>::len) + data.len() + 5);
        let form = (self.signet.kind(), self.signet.profile());
        write_field(&mut out, form, id, name, data)?;
        Ok(out)
    }

    /// Signs what is below field `id` and puts the signature there, in a signet of kind `kind`.
    fn sign(
        &mut self,
        id: u8,
        key: &SigningKey,
        kind: SignetKind,
    ) -> Result<&mut Self, SignetError> {
        if let Some(missing) = self.signet.first_missing_below(kind, id) {
            return Err(SignetError::Missing(missing));
        }
        let signature = key.sign(self.signet.below(id));
        let field = [&[id], signature.0.as_slice()].concat();
        self.rewrite(kind, id, |_, _| true, Some(&field))
    }

    /// Replaces the fields of this id whose name is `old` by `new`.
    fn replace(
        &mut self,
        id: u8,
        old: impl Fn(Option<&[u8]>) -> bool,
        new: Option<&[u8]>,
    ) -> Result<&mut Self, SignetError> {
        let is_old =
            |signet: &Signet, span: &Span| old(span.name.clone().map(|name| signet.slice(name)));
        self.rewrite(self.signet.kind(), id, is_old, new)
    }

    /// Removes the fields of this id whose data is `old`.
    fn replace_data(
        &mut self,
        id: u8,
        old: impl Fn(&[u8]) -> bool,
    ) -> Result<&mut Self, SignetError> {
        let is_old = |signet: &Signet, span: &Span| old(signet.slice(span.data.clone()));
        self.rewrite(self.signet.kind(), id, is_old, None)
    }

    /// Drops the fields of this id that are `old`, inserts `new` behind the rest of them, and drops
    /// the signatures above, all this only if it makes a difference.
    fn rewrite(
        &mut self,
        kind: SignetKind,
        id: u8,
        old: impl Fn(&Signet, &Span) -> bool,
        new: Option<&[u8]>,
    ) -> Result<&mut Self, SignetError> {
        let signet = &self.signet;
        let mut fields = signet.below(id).to_vec();
        for span in signet.spans.iter().filter(|span| span.id == id) {
            if !old(signet, span) {
                fields.extend_from_slice(signet.slice(span.whole.clone()));
            }
        }
        fields.extend_from_slice(new.unwrap_or_default());
        if kind == signet.kind() && fields == signet.through(id) {
            return Ok(self);
        }
        for span in signet.spans.iter().filter(|span| span.id > id) {
            let rule = kind.rule(span.id);
            if rule.is_some_and(|rule| rule.form != Form::Signature) {
                fields.extend_from_slice(signet.slice(span.whole.clone()));
            }
        }
        self.signet = Signet::parse(&with_header(kind, &fields))?;
        Ok(self)
    }
}

impl Signet {
    /// Refuses an alternate key whose length has another width than the profile's: only a request
    /// can hold it, written by libdime (spec/90 item 16).
    pub(super) fn check_alternate_width(&self) -> Result<(), SignetError> {
        let width = self.profile.key_length_width();
        let mut alternates = self.spans.iter().filter(|span| span.id == ALTERNATE_KEY);
        if self.kind != SignetKind::Organization
            && alternates.any(|span| span.data.start != span.whole.start + 1 + width)
        {
            return Err(SignetError::AlternateForm);
        }
        Ok(())
    }
}
