//! Where the next header may begin inside bytes that made no sense.
//!
//! Pure functions over bytes; knows neither buffers nor JSON.

const FIELD: &[u8] = b"content-length";

/// The value of the last `Content-Length` field in a line, if it has one. Junk before the name is
/// allowed: a damaged body has no line end of its own, so the next header follows on its line.
pub(super) fn find_length_field(line: &[u8]) -> Option<&[u8]> {
    let at = rfind_field(line)?;
    let rest = line[at + FIELD.len()..].trim_ascii_start();
    rest.strip_prefix(b":")
}

/// Where in an unreadable body the next header begins: at a `Content-Length`, or at the body's last bytes
/// if those are the start of that name.
pub(super) fn resync_point(body: &[u8]) -> Option<usize> {
    let whole = body.windows(FIELD.len()).position(|w| w.eq_ignore_ascii_case(FIELD));
    whole.or_else(|| {
        let longest = FIELD.len().min(body.len() + 1) - 1;
        (1..=longest).rev().find_map(|n| {
            let at = body.len() - n;
            body[at..].eq_ignore_ascii_case(&FIELD[..n]).then_some(at)
        })
    })
}

fn rfind_field(line: &[u8]) -> Option<usize> {
    line.windows(FIELD.len()).rposition(|w| w.eq_ignore_ascii_case(FIELD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_field_of_a_line_counts() {
        assert_eq!(find_length_field(b"Content-Length: 3"), Some(&b" 3"[..]));
        assert_eq!(find_length_field(b"{\"x\":1}content-length : 3"), Some(&b" 3"[..]));
        assert_eq!(find_length_field(b"content-length: 1 Content-Length:2"), Some(&b"2"[..]));
        assert_eq!(find_length_field(b"content-type: x"), None);
    }

    #[test]
    fn resync_finds_whole_and_cut_names() {
        assert_eq!(resync_point(b"[1]Content-Length: 3"), Some(3));
        assert_eq!(resync_point(b"[1]Conte"), Some(3));
        assert_eq!(resync_point(b"[1]"), None);
        assert_eq!(resync_point(b""), None);
    }
}
