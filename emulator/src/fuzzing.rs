//! What has to hold for every multipart body, whatever it is. Compiled for the tests and, with the feature `fuzzing`, for the
//! fuzzer of acs-push only.

use crate::resources::direct_send::multipart::{boundary, is_mixed, parts};

/// A parser, by name, and the check of one input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 1] = [("multipart", check)];

/// The content type in the first line, the body after it: each part is a piece of the body, behind the one before, and holds no
/// line that would end it. Whatever has no boundary in it is a part as it is.
fn check(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (first, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let Ok(content_type) = str::from_utf8(first) else { return };
    let Some(boundary) = boundary(content_type) else { return };
    let delimiter = format!("--{boundary}");
    let is_delimiter = |line: &[u8]| {
        let line = line.trim_ascii_end();
        line == delimiter.as_bytes() || line == format!("{delimiter}--").as_bytes()
    };
    let mut rest = body;
    for part in parts(boundary, body) {
        let at = part.body.as_ptr() as usize - body.as_ptr() as usize;
        assert!(at + part.body.len() <= body.len() && at >= body.len() - rest.len(), "parts overlap");
        assert!(!part.body.split(|byte| *byte == b'\n').any(is_delimiter), "a part holds a delimiter");
        rest = &body[at + part.body.len()..];
    }
    // A boundary cannot end with a blank.
    let is_right = is_mixed(content_type) && boundary == boundary.trim_end();
    if is_right && !body.split(|byte| *byte == b'\n').any(is_delimiter) {
        let head = format!("{delimiter}\r\nContent-Disposition: inline; name=whole\r\n\r\n");
        let sent = [head.as_bytes(), body, format!("\r\n{delimiter}--\r\n").as_bytes()].concat();
        let received = parts(boundary, &sent);
        assert!(received.len() == 1 && received[0].name == "whole" && received[0].body == body, "{received:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    /// Pieces of which bodies are made.
    const PIECES: [&str; 12] = [
        "--b",
        "--b--",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "-",
        "b",
        "Content-Disposition: inline; name=devices",
        "content-type: application/json",
        "[\"a\"]",
        "é",
        "\0",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parts_are_pieces_of_the_body(
            body in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..20),
            blanks in "[ \"]{0,2}",
        ) {
            check(format!("multipart/mixed; boundary={blanks}b\n{}", body.concat()).as_bytes());
        }
    }

    #[test]
    fn the_seeds_of_the_fuzzer_hold() {
        let seeds = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/multipart")).unwrap();
        let seeds: Vec<_> = seeds.map(|seed| fs::read(seed.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 3);
        seeds.iter().for_each(|seed| check(seed));
    }
}
