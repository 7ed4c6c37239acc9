//! How large a request is.
//!
//! The limit of 2 MB is meant for vectors of 32-bit floats. Written in JSON a component takes up to five times as much, and
//! clients cut batches by number, not by bytes: 100 vectors of 1,536 components would be refused.

/// Bytes of a body where each number counts four, however it is written, and what separates them none. For bodies that
/// are large by their bytes: in text a run of digits counts four too.
pub(super) fn weight(body: &[u8]) -> usize {
    let (mut weight, mut in_number) = (0, false);
    for byte in body {
        match byte {
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E' => {
                weight += if in_number { 0 } else { 4 };
                in_number = true;
            }
            b',' | b' ' | b'\n' | b'\r' | b'\t' => in_number = false,
            _ => {
                weight += 1;
                in_number = false;
            }
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_weighs_four_bytes_however_it_is_written() {
        let overhead = weight(b"{\"values\":[]}");
        for vector in ["0.25", "-0.123456789012345678", "1e-38", "7"] {
            let body = format!("{{\"values\":[{vector}, {vector},{vector}]}}");
            assert_eq!(weight(body.as_bytes()), overhead + 12, "{vector}");
        }
    }

    #[test]
    fn text_weighs_what_it_is_long_at_least_without_its_spaces() {
        assert_eq!(weight("x".repeat(1_000).as_bytes()), 1_000);
        assert_eq!(weight("año".as_bytes()), 4);
    }
}
