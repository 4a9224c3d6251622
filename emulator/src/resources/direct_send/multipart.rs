//! Parses `multipart/mixed` in all forms that clients of the service send: boundaries with and without quotes and blanks,
//! header names in any letter case, lines that end in LF alone, a last line without a line end.
//!
//! <https://www.rfc-editor.org/rfc/rfc2046#section-5.1>

/// One part of a multipart body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// The parameter `name` of `Content-Disposition`; empty when it is missing.
    pub(crate) name: String,
    /// Empty when it is missing.
    pub(crate) content_type: String,
    pub(crate) body: &'a [u8],
}

pub(crate) fn is_mixed(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/mixed"))
}

/// The boundary in a content type; `None` when it is missing or empty.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    parameter(content_type, "boundary").filter(|boundary| !boundary.is_empty())
}

/// The complete parts of `body`.
pub(crate) fn parts<'a>(boundary: &str, body: &'a [u8]) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}");
    // Start and end of each delimiter line.
    let mut delimiter_lines = Vec::new();
    let mut start = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        if text.strip_prefix(delimiter.as_bytes()).is_some_and(|rest| rest.is_empty() || rest == b"--") {
            delimiter_lines.push((start, start + line.len()));
        }
        start += line.len();
    }
    delimiter_lines.windows(2).filter_map(|pair| part(&body[pair[0].1..pair[1].0])).collect()
}

/// Parses headers, an empty line, and the body. The line end after the body belongs to the next delimiter.
fn part(text: &[u8]) -> Option<Part<'_>> {
    let (mut name, mut content_type) = (String::new(), String::new());
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?.trim();
        rest = &rest[end + 1..];
        let Some((header, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            return None;
        };
        if header.trim().eq_ignore_ascii_case("content-disposition") {
            name = parameter(value, "name").unwrap_or_default().to_owned();
        } else if header.trim().eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut content_type);
        }
    }
    let body = rest.strip_suffix(b"\n").unwrap_or(rest);
    let body = body.strip_suffix(b"\r").unwrap_or(body);
    Some(Part { name, content_type, body })
}

/// A parameter of a header value, without the quotes.
fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let mut parameters = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_form_is_parsed() {
        let wanted = [
            Part { name: "notification".to_owned(), content_type: "a/b;c=d".to_owned(), body: b"{\r\n}" },
            Part { name: "devices".to_owned(), content_type: String::new(), body: b"[]" },
        ];
        let crlf = "--b\r\nContent-type: a/b;c=d\r\nContent-Disposition: inline; name=notification\r\n\r\n{\r\n}\r\n\
                    --b\r\ncontent-disposition: inline; name=\"devices\"\r\n\r\n[]\r\n--b--";
        for content_type in ["multipart/mixed; boundary = \"b\"", "Multipart/Mixed;boundary=b"] {
            assert!(is_mixed(content_type));
            let boundary = boundary(content_type).unwrap();
            assert_eq!(parts(boundary, crlf.as_bytes()), wanted);
            let preamble = format!("preamble\r\n{crlf}\r\n");
            assert_eq!(parts(boundary, preamble.as_bytes()), wanted);
        }
        let lf = "--b\nContent-Disposition: inline; name=devices\n\n[]\n--b--\n";
        assert_eq!(parts("b", lf.as_bytes()), wanted[1..]);
    }

    #[test]
    fn an_incomplete_part_is_ignored() {
        let body = b"--b\r\n\r\nx\r\n--bc\r\n";
        assert!(parts("b", body).is_empty(), "never closed");
        assert_eq!(boundary("multipart/mixed"), None);
        assert_eq!(boundary("multipart/mixed; boundary=\"\""), None);
        assert!(!is_mixed("multipart/form-data; boundary=b") && !is_mixed(""));
    }
}
