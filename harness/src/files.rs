//! Files that users name: read whole, but never more than a limit, and never from something that
//! is no file and might not end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text of a file of at most `limit` bytes.
///
/// # Errors
/// What the operating system says; [`io::ErrorKind::InvalidInput`] if it is no regular file,
/// [`io::ErrorKind::FileTooLarge`] if it is longer, [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, limit: usize) -> io::Result<String> {
    // Asked before opening: opening a pipe waits for its writer.
    let meta = std::fs::metadata(path)?;
    if meta.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    if !meta.is_file() {
        let message = "it is not a regular file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut bytes = Vec::new();
    let past_the_limit = limit as u64 + 1;
    File::open(path)?
        .take(past_the_limit)
        .read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let message = format!("it is longer than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("it is not UTF-8 text: byte {at} does not belong");
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_short_text_file_is_refused_by_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "four").expect("a file");
        assert_eq!(read_text(&path, 4).expect("just short enough"), "four");
        let refusal = |path: &Path| read_text(path, 3).expect_err("refused").to_string();
        assert_eq!(refusal(&path), "it is longer than 3 bytes");
        assert_eq!(refusal(folder.path()), "it is a folder");
        assert_eq!(refusal(Path::new("/dev/zero")), "it is not a regular file");
        std::fs::write(&path, b"a\xff").expect("a file");
        assert_eq!(
            refusal(&path),
            "it is not UTF-8 text: byte 1 does not belong"
        );
    }
}
