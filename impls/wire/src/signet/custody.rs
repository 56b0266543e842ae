//! Chains of custody: all signets that a user ever had, each vouched for by the one before it
//! (spec/10 §7.4, spec/95 items 6 and 12).

use super::{CUSTODY, Fingerprint, FingerprintKind, Issuer, Signet, State};

/// Most signets in one chain: a rotation every week for twenty years.
pub const MAXIMUM_CHAIN: usize = 1024;

/// A validated chain of custody, oldest signet first.
///
/// ```
/// # use dime_wire::keys::{EncryptionKey, PrivateKeys, SigningKey};
/// # use dime_wire::signet::{self, ChainError, CustodyBreak, FingerprintKind, State};
/// # use dime_wire::Profile;
/// # let keys = |seed: u8| PrivateKeys {
/// #     signing: SigningKey::from_seed([seed; 32]),
/// #     encryption: EncryptionKey::derive([seed; 32]),
/// # };
/// # let (one, first, second) = (keys(1), keys(2), keys(3));
/// # let organization = signet::organization(&one.signing, &one.encryption.public(), Profile::Libdime)
/// #     .sign(&one.signing, "one.example")?;
/// # let user = |keys, previous| {
/// #     let request = signet::request(keys, &[], previous, Profile::Libdime)?;
/// #     signet::issue(&request, &one.signing, &[], "ann@one.example")
/// # };
/// let signets = [user(&first, None)?, user(&second, Some(&first.signing))?];
/// let chain = signet::validate_chain(&signets, None, &[&organization], Some("ann@one.example"))?;
/// // An old letter names the old signet in its envelope, and is verified with that.
/// let fingerprint = signets[0].fingerprint(FingerprintKind::Cryptographic).unwrap();
/// assert_eq!(chain.find(&fingerprint), Some(&signets[0]));
/// assert_eq!(chain.current(), &signets[1]);
///
/// let reset = [user(&first, None)?, user(&second, None)?];
/// let refused = signet::validate_chain(&reset, None, &[&organization], None);
/// assert_eq!(refused.err(), Some(ChainError::BrokenCustody { link: 1, cause: CustodyBreak::Reset }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    signets: &'a [Signet],
    current: &'a Signet,
    states: Vec<State>,
}

impl<'a> Chain<'a> {
    /// The signet in use: the last one.
    pub fn current(&self) -> &'a Signet {
        self.current
    }

    /// All signets with the state of each, oldest first.
    pub fn links(&self) -> impl Iterator<Item = (&'a Signet, State)> {
        self.signets.iter().zip(self.states.iter().copied())
    }

    /// The signet with this cryptographic fingerprint: the one to verify a letter with whose
    /// envelope has it, whether or not it still is in use (spec/95 item 12).
    pub fn find(&self, fingerprint: &Fingerprint) -> Option<&'a Signet> {
        self.signets.iter().find(|signet| {
            signet.fingerprint(FingerprintKind::Cryptographic).as_ref() == Some(fingerprint)
        })
    }

    /// The newest signet with this fingerprint, of whatever kind, as look-ups name signets.
    pub fn look_up(&self, fingerprint: &Fingerprint) -> Option<&'a Signet> {
        let mut newest_first = self.signets.iter().rev();
        newest_first.find(|signet| signet.has_fingerprint(fingerprint))
    }
}

/// Why a chain of custody was refused. Links count from 0, the oldest signet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainError {
    /// There is no signet.
    #[error("chain of custody has no signet")]
    Empty,
    /// There are more signets than [`MAXIMUM_CHAIN`].
    #[error("chain of custody is not within the limit of {MAXIMUM_CHAIN} signets")]
    TooLong,
    /// No organization's signet is sound under its own POK, so no signet of a user can be judged.
    #[error("no sound signet of an organization to judge the chain of custody by")]
    NoOrganization,
    /// A signet is good in itself, but nobody vouches for its succession.
    #[error("chain of custody is broken at signet {link}: {cause}")]
    BrokenCustody {
        /// The signet that does not follow from the one before it.
        link: usize,
        /// What is wrong with its custody.
        cause: CustodyBreak,
    },
    /// A signet is not good in itself: a wrong signature or identifier, or a required field missing.
    #[error("signet {link} of the chain of custody is not valid: {state:?}")]
    NotValid {
        /// The signet.
        link: usize,
        /// What it is instead; never [`State::BrokenCustody`] and never a valid state.
        state: State,
    },
}

/// How a chain of custody breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CustodyBreak {
    /// There is a predecessor, but the signet has no custody signature, as after a loss of keys.
    #[error("no custody signature, though a signet came before")]
    Reset,
    /// The signet has a custody signature, but its predecessor is not known.
    #[error("the signet that came before is missing")]
    NoPredecessor,
    /// The custody signature is not the predecessor's.
    #[error("custody signature is not by the signet that came before")]
    Signature,
}

/// Judges a user's signets, oldest first, as one chain of custody. Each must be valid under one of
/// `organizations` (more than one after a change of the POK; the caller has validated them), have
/// an identifier equal to `address` if it has one, and be vouched for by the one before it.
/// Without `address` all identifiers that are there must be the same.
///
/// The oldest follows from `trusted`, a signet that was validated before. Without it, it must be
/// the first that the user ever had.
///
/// The first link that fails decides. *Not valid* is told before *broken custody* (spec/95 item 6).
pub fn validate_chain<'a>(
    signets: &'a [Signet],
    trusted: Option<&Signet>,
    organizations: &[&Signet],
    address: Option<&str>,
) -> Result<Chain<'a>, ChainError> {
    let current = signets.last().ok_or(ChainError::Empty)?;
    if signets.len() > MAXIMUM_CHAIN {
        return Err(ChainError::TooLong);
    }
    let issuers: Vec<Issuer> = organizations
        .iter()
        .filter_map(|organization| Issuer::new(organization))
        .collect();
    if issuers.is_empty() {
        return Err(ChainError::NoOrganization);
    }
    let mut address = address.or(trusted.and_then(Signet::identifier));
    let mut previous = trusted;
    let mut states = Vec::with_capacity(signets.len());
    for (link, signet) in signets.iter().enumerate() {
        let state = issuers
            .iter()
            .map(|issuer| issuer.validate_user(signet, previous, address))
            .max_by_key(|state| preference(*state))
            .unwrap_or(State::Unknown);
        if state == State::BrokenCustody {
            let cause = custody_break(signet, previous);
            return Err(ChainError::BrokenCustody { link, cause });
        }
        if !state.is_valid() {
            return Err(ChainError::NotValid { link, state });
        }
        states.push(state);
        address = address.or(signet.identifier());
        previous = Some(signet);
    }
    Ok(Chain {
        signets,
        current,
        states,
    })
}

/// Which of several organizations' verdicts on one signet counts: a valid one, or else the one that
/// found its signatures good.
fn preference(state: State) -> (bool, bool, State) {
    (state.is_valid(), state == State::BrokenCustody, state)
}

fn custody_break(signet: &Signet, previous: Option<&Signet>) -> CustodyBreak {
    match (signet.field(CUSTODY), previous) {
        (None, _) => CustodyBreak::Reset,
        (Some(_), None) => CustodyBreak::NoPredecessor,
        (Some(_), Some(_)) => CustodyBreak::Signature,
    }
}
