//! The text of a file or of standard input, which may be neither a device nor larger than 64 MiB.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The text, and what it is called in a message.
#[derive(Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// The text, without a byte order mark.
    pub text: String,
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, #[source] io::Error),
    /// A folder, a device, a pipe.
    #[error("{0} cannot be read: it is no regular file; - reads standard input")]
    NoFile(String),
    /// Larger than any file of events.
    #[error("{0} is too large: expected at most 64 MiB")]
    TooLarge(String),
    /// Not UTF-8.
    #[error("{name} is not UTF-8 (line {line}, column {column}): expected JSON in UTF-8")]
    NotUtf8 {
        /// The file.
        name: String,
        /// Where the mistake is.
        line: usize,
        /// Where the mistake is.
        column: usize,
    },
}

const MAX_BYTES: u64 = 64 * 1024 * 1024;

impl Input {
    /// Reads the file, or standard input for `-`.
    pub fn read(path: &Path) -> Result<Self, InputError> {
        let is_stdin = path == Path::new("-");
        let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
        let bytes = if is_stdin { read_all(io::stdin(), &name) } else { read_file(path, &name) }?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let (bytes, end) = (error.as_bytes(), error.utf8_error().valid_up_to());
            let line = bytes[..end].iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = bytes[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            InputError::NotUtf8 { name: name.clone(), line, column: end - start + 1 }
        })?;
        // Some editors on Windows write a byte order mark.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        Ok(Self { name, text })
    }
}

impl InputError {
    /// Whether what was read is wrong, and not how it was to be read.
    pub fn is_about_data(&self) -> bool {
        matches!(self, Self::NotUtf8 { .. })
    }
}

fn read_file(path: &Path, name: &str) -> Result<Vec<u8>, InputError> {
    let unreadable = |error| InputError::Unreadable(name.to_owned(), error);
    // Asked before it is opened, because a pipe waits for its other end.
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(InputError::NoFile(name.to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(InputError::TooLarge(name.to_owned()));
    }
    read_all(File::open(path).map_err(unreadable)?, name)
}

fn read_all(input: impl Read, name: &str) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let read = input.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    match read.map_err(|error| InputError::Unreadable(name.to_owned(), error))? {
        read if read as u64 > MAX_BYTES => Err(InputError::TooLarge(name.to_owned())),
        _ => Ok(bytes),
    }
}
