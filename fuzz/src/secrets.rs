//! Looks for secrets where they must not be: in what `{:?}` prints.

use std::fmt::Debug;

use dime_wire::encoding;

/// Bytes of a secret that must be found together before it counts.
pub const WINDOW: usize = 8;

/// Panics if the debug output of `value` shows `secret` in hex, base64, as a list of numbers or as it is.
///
/// # Panics
/// If it does.
pub fn absent(value: &impl Debug, secret: &[u8]) {
    let shown = format!("{value:?}");
    let window = secret.get(..WINDOW).unwrap_or(secret);
    if window.is_empty() {
        return;
    }
    let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
    let list: Vec<String> = window.iter().map(u8::to_string).collect();
    let base64 = encoding::encode_unpadded(secret.get(..12).unwrap_or(secret));
    for form in [hex, list.join(", ")] {
        assert!(!shown.contains(&form), "debug output shows a secret");
    }
    assert!(
        secret.len() < WINDOW || !shown.contains(&base64),
        "debug output shows a secret"
    );
    if let Ok(text) = std::str::from_utf8(window)
        && window.len() == WINDOW
    {
        assert!(!shown.contains(text), "debug output shows a secret");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = b"0123456789abcdef";
        absent(&"[secret]", secret);
        for shown in [
            "30313233343536373839",
            "[48, 49, 50, 51, 52, 53, 54, 55, 56]",
            "MDEyMzQ1Njc4OWFi",
            "x 01234567 y",
        ] {
            let found = std::panic::catch_unwind(|| absent(&shown, secret));
            assert!(found.is_err(), "{shown}");
        }
    }
}
