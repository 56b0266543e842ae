//! Names: mail domains and addresses, and how they compare.
//!
//! Domains compare without regard to ASCII case, local parts exactly; writers emit domains in
//! lower case (spec/95 item 9). The syntax is that of the DMTP notes (spec/40 §4), made strict: an
//! empty domain or label is refused.

/// Longest domain in bytes (RFC 1035).
pub const MAXIMUM_DOMAIN: usize = 253;
/// Longest label of a domain in bytes (RFC 1035).
pub const MAXIMUM_LABEL: usize = 63;
/// Longest local part of an address in bytes (RFC 5321).
pub const MAXIMUM_LOCAL_PART: usize = 64;
/// Longest address in bytes (RFC 5321: a path of 256 with its angle brackets). Shorter than the
/// longest local part and domain together, so that every address fits a signet's identifier.
pub const MAXIMUM_ADDRESS: usize = 254;

/// Whether `text` is a domain: dot-separated, non-empty labels of letters, digits and hyphens.
pub fn is_domain(text: &str) -> bool {
    text.len() <= MAXIMUM_DOMAIN
        && text.split('.').all(|label| {
            (1..=MAXIMUM_LABEL).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// Whether `text` is an address: a local part without misplaced periods, one `@`, a domain, all of
/// it within [`MAXIMUM_ADDRESS`].
pub fn is_address(text: &str) -> bool {
    text.len() <= MAXIMUM_ADDRESS
        && split_address(text)
            .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain))
}

/// The local part and the domain of an address, if it has exactly one `@`.
pub fn split_address(text: &str) -> Option<(&str, &str)> {
    text.split_once('@')
        .filter(|(_, domain)| !domain.contains('@'))
}

/// The domain a signet identifier belongs to: the part after `@`, or the identifier itself.
pub fn domain_of(identifier: &str) -> &str {
    split_address(identifier).map_or(identifier, |(_, domain)| domain)
}

/// Whether two domains are the same, without regard to ASCII case.
pub fn same_domain(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Whether two identifiers (domains or addresses) are the same: local parts exactly, domains
/// without regard to ASCII case.
pub fn same_identifier(left: &str, right: &str) -> bool {
    match (split_address(left), split_address(right)) {
        (Some((left_local, left_domain)), Some((right_local, right_domain))) => {
            left_local == right_local && same_domain(left_domain, right_domain)
        }
        (None, None) => same_domain(left, right),
        _ => false,
    }
}

/// The identifier as writers emit it: the domain in lower case, the local part untouched.
pub fn normalized(identifier: &str) -> String {
    match split_address(identifier) {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => identifier.to_ascii_lowercase(),
    }
}

fn is_local_part(text: &str) -> bool {
    const SPECIAL: &[u8] = b"!#$%&'*+-/=?^_`{|}~.";
    (1..=MAXIMUM_LOCAL_PART).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || SPECIAL.contains(&b))
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_at_sign_and_sane_periods() {
        for good in [
            "ivy@darkmail.example",
            "b.author+tag@north-post.example",
            "r_2@sud.example.org",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "", "@a", "a@", "a@b@c", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b..c", "a>@b", "ä@b",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_fits_an_identifier() {
        let local = "a".repeat(MAXIMUM_LOCAL_PART);
        let address = |last| {
            let labels = ["b".repeat(63), "c".repeat(63), "d".repeat(last)];
            format!("{local}@{}", labels.join("."))
        };
        assert_eq!(address(61).len(), MAXIMUM_ADDRESS);
        assert!(is_address(&address(61)));
        assert!(!is_address(&address(62)) && is_domain(domain_of(&address(62))));
    }

    #[test]
    fn domains_ignore_case_and_local_parts_do_not() {
        assert!(same_identifier("ivy@Dark.Example", "ivy@dark.example"));
        assert!(!same_identifier("Ivy@dark.example", "ivy@dark.example"));
        assert!(!same_identifier("dark.example", "ivy@dark.example"));
        assert_eq!(normalized("Ivy@Dark.Example"), "Ivy@dark.example");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_judged_and_normalizing_changes_the_case_only(
            text in proptest::prop_oneof![".{0,80}", "[a-zA-Z.@_-]{0,20}@[a-zA-Z0-9.-]{0,20}"],
        ) {
            let normal = normalized(&text);
            proptest::prop_assert_eq!(normalized(&normal), normal.clone());
            proptest::prop_assert!(normal.eq_ignore_ascii_case(&text));
            proptest::prop_assert!(same_identifier(&text, &normal));
            if is_address(&text) {
                proptest::prop_assert!(is_address(&normal) && is_domain(domain_of(&normal)));
            }
        }
    }
}
