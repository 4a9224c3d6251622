//! The trace that an event or an invocation belongs to: <https://www.w3.org/TR/trace-context/>.

use std::ops::Range;

/// The trace id of a `traceparent`, 32 hexadecimal digits; `None` for anything else, because it is logged.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let text = traceparent.trim();
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let digits = |place: Range<usize>| text.get(place).filter(|digits| digits.bytes().all(is_hex));
    let is_dash = |place: usize| text.as_bytes().get(place).is_none_or(|byte| *byte == b'-');
    let (_version, trace_id, _parent_id, _flags) = (digits(0..2)?, digits(3..35)?, digits(36..52)?, digits(53..55)?);
    let is_divided = [2, 35, 52, 55].into_iter().all(is_dash);
    (is_divided && trace_id.bytes().any(|digit| digit != b'0')).then_some(trace_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_traceparent_has_a_trace_id() {
        let id = "bb2bd5eef54cb15a1506d0326d2489e7";
        for traceparent in [format!("00-{id}-d3f54c84c7034d76-00"), format!(" 01-{id}-d3f54c84c7034d76-01-more")] {
            assert_eq!(trace_id(&traceparent), Some(id), "{traceparent}");
        }
        let zeros = "0".repeat(32);
        for other in ["", id, "15551234567", "00-bb2b-d3f54c84c7034d76-00", &format!("00-{zeros}-d3f54c84c7034d76-00")]
        {
            assert_eq!(trace_id(other), None, "{other}");
        }
    }
}
