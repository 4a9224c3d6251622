//! Text inside of XML.

/// Escapes text for the place between two XML tags. Characters that XML does not allow become U+FFFD.
pub(crate) fn escape_xml(text: &str) -> String {
    let is_forbidden = |character: char| matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}');
    text.replace(is_forbidden, "\u{fffd}").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
