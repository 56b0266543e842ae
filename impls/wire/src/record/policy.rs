//! What an organization says about legacy mail and about its subdomains (spec/20 §2). The words are
//! published, their consequences are rulings of ours.

/// What an organization accepts besides DIME, by its own word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Policy {
    /// DIME is being tried out: what cannot be delivered by DIME may go as legacy mail.
    #[default]
    Experimental,
    /// Both DIME and legacy mail are taken, but a sender that has DIME uses it or fails.
    Mixed,
    /// DIME only: legacy mail is neither sent to this organization nor taken by it.
    Strict,
}

impl Policy {
    pub(super) const ALL: [(&'static str, Self); 3] = [
        ("experimental", Self::Experimental),
        ("mixed", Self::Mixed),
        ("strict", Self::Strict),
    ];

    /// The word in the record.
    pub fn name(self) -> &'static str {
        word(&Self::ALL, self)
    }

    /// Whether the organization takes legacy mail from those who have no DIME.
    pub fn takes_legacy_mail(self) -> bool {
        self != Self::Strict
    }

    /// Whether a letter that DIME cannot deliver may be sent as legacy mail instead. Only while
    /// DIME is tried out: later, who can stop DIME's traffic could read what comes after it.
    pub fn allows_fallback(self) -> bool {
        self == Self::Experimental
    }
}

/// Whether the subdomains of a domain have records of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Subdomain {
    /// They may not: this record holds for all of them.
    #[default]
    Strict,
    /// They may; this record holds for those that have none.
    Relaxed,
    /// They must; this record holds for none of them.
    Explicit,
}

/// Which record holds for a subdomain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Authority {
    /// The subdomain's own.
    Own,
    /// That of the domain above.
    Parent,
    /// None: the subdomain has no DIME.
    Nobody,
}

impl Subdomain {
    pub(super) const ALL: [(&'static str, Self); 3] = [
        ("strict", Self::Strict),
        ("relaxed", Self::Relaxed),
        ("explicit", Self::Explicit),
    ];

    /// The word in the record.
    pub fn name(self) -> &'static str {
        word(&Self::ALL, self)
    }

    /// Which record holds for a subdomain of a domain with this word, by whether the subdomain has a
    /// record.
    pub fn authority(self, subdomain_has_record: bool) -> Authority {
        match (self, subdomain_has_record) {
            (Self::Strict, _) | (Self::Relaxed, false) => Authority::Parent,
            (Self::Relaxed | Self::Explicit, true) => Authority::Own,
            (Self::Explicit, false) => Authority::Nobody,
        }
    }
}

fn word<T: PartialEq>(all: &[(&'static str, T)], wanted: T) -> &'static str {
    all.iter()
        .find(|(_, meaning)| *meaning == wanted)
        .map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trial_falls_back_to_legacy_mail() {
        let meanings = Policy::ALL.map(|(name, policy)| {
            assert_eq!(policy.name(), name);
            (policy.takes_legacy_mail(), policy.allows_fallback())
        });
        assert_eq!(meanings, [(true, true), (true, false), (false, false)]);
    }

    #[test]
    fn a_subdomain_is_its_parents_or_its_own_matter() {
        let meanings = Subdomain::ALL.map(|(name, subdomain)| {
            assert_eq!(subdomain.name(), name);
            [true, false].map(|has_record| subdomain.authority(has_record))
        });
        use Authority::{Nobody, Own, Parent};
        assert_eq!(meanings, [[Parent, Parent], [Own, Parent], [Own, Nobody]]);
    }
}
