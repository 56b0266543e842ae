//! Looks for secrets where they must not be: in what `{:?}` prints and in the texts of errors.

use std::fmt::{Debug, Display};

use dime_wire::encoding;

/// Bytes of a secret that must be found together before it counts.
pub const WINDOW: usize = 8;
/// The same for a secret in base64, whose groups of four letters stand for three bytes each.
const BASE64_WINDOW: usize = 12;
/// Letters of what encodes a secret that must be found together before they count.
const ENCODED: usize = 16;
/// How the line in front of armour begins.
const BEGIN: &[u8] = b"-----BEGIN ";

/// Panics if the debug output of `value` shows a piece of `secret` in hex, base64, as a list of numbers
/// or as it is.
///
/// # Panics
/// If it does.
pub fn absent(value: &impl Debug, secret: &[u8]) {
    unshown(&format!("{value:?}"), secret);
}

/// The same for an error, which has two texts.
///
/// # Panics
/// If either shows a piece of `secret`.
pub fn absent_in_error(error: &(impl Display + Debug), secret: &[u8]) {
    unshown(&format!("{error} {error:?}"), secret);
}

/// Panics if the texts of `error` show letters that stand in `input` as armour, PEM and bare base64 have
/// them: what encodes a secret is one. The line in front of armour is none, and may be shown.
///
/// # Panics
/// If they do.
pub fn encoded_absent(error: &(impl Display + Debug), input: &[u8]) {
    let shown = format!("{error} {error:?}");
    // The other way round, because a text of an error has few runs that long.
    let runs = shown.split(|c| !is_letter(c)).map(str::as_bytes);
    let lines = input.split(|byte| *byte == b'\n');
    let bodies = lines.filter(|line| !line.windows(BEGIN.len()).any(|piece| piece == BEGIN));
    let pieces: Vec<&[u8]> = bodies.flat_map(|line| line.windows(ENCODED)).collect();
    for window in runs.flat_map(|run| run.windows(ENCODED)) {
        let is_input = pieces.contains(&window);
        assert!(!is_input, "shows an encoded secret: {shown}");
    }
}

/// Whether armour, PEM, base64 and hex have `c` in their text.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=".contains(c)
}

fn unshown(shown: &str, secret: &[u8]) {
    let windows = secret.windows(WINDOW);
    for text in windows.clone().flat_map(std::str::from_utf8) {
        assert!(!shown.contains(text), "shows a secret: {shown}");
    }
    // Most outputs have no place for the other forms, and to look for each window takes long.
    if shown.matches(", ").count() >= WINDOW - 1 {
        for window in windows.clone() {
            let list: Vec<String> = window.iter().map(u8::to_string).collect();
            let list = list.join(", ");
            assert!(!shown.contains(&list), "shows a secret: {shown}");
        }
    }
    let mut runs = shown.split(|c| !is_letter(c));
    if !runs.any(|run| run.len() >= ENCODED) {
        return;
    }
    for window in windows {
        let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!shown.contains(&hex), "shows a secret: {shown}");
    }
    for window in secret.windows(BASE64_WINDOW) {
        let base64 = encoding::encode_unpadded(window);
        assert!(!shown.contains(&base64), "shows a secret: {shown}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(shown: &str, secret: &[u8]) -> bool {
        std::panic::catch_unwind(|| unshown(shown, secret)).is_err()
    }

    #[test]
    fn any_piece_of_a_secret_is_found_in_every_form() {
        let secret = b"0123456789abcdef";
        assert!(!is_found("[secret]", secret));
        for shown in [
            "30313233343536373839",
            "[48, 49, 50, 51, 52, 53, 54, 55, 56]",
            "MDEyMzQ1Njc4OWFi",
            "x 01234567 y",
            // Its end, as well as its beginning.
            "3839616263646566",
            "[0, 56, 57, 97, 98, 99, 100, 101, 102, 0]",
            "NDU2Nzg5YWJjZGVm",
            "x 89abcdef y",
        ] {
            assert!(is_found(shown, secret), "{shown}");
        }
    }

    #[test]
    fn letters_that_encode_a_secret_are_found_in_an_error() {
        let input = b"-----BEGIN X-----\nMC4CAQAwBQYDK2VwBCIE\n-----END X-----";
        encoded_absent(&"line 2 is broken", input);
        let shown = "broken at QAwBQYDK2VwBCIE";
        encoded_absent(&shown, input);
        encoded_absent(
            &"no ORGANIZATIONALKEY",
            b"-----BEGIN ORGANIZATIONALKEY-----\nMC4C\n",
        );
        let shown = "broken at AQAwBQYDK2VwBCIE";
        assert!(std::panic::catch_unwind(|| encoded_absent(&shown, input)).is_err());
    }
}
