//! The gate for what was suggested before: the same text may stand in a request again, if it is short, and nothing that looks
//! like a key comes of it between prefix and suffix. Pure.

use quicksilver_protocol::{completion::FimRequest, holes::Previous, limits::MAX_PREVIOUS_BYTES};

use super::{
    assemble::unix_lines,
    secrets::{Degree, blank},
};

/// The request with what filled its hole before, or its `tail`; without, where that must not be told or is too long.
#[must_use]
pub fn recall(request: FimRequest, text: &str, tail: bool) -> FimRequest {
    let text = unix_lines(text);
    if text.trim().is_empty() || text.len() > MAX_PREVIOUS_BYTES {
        return request;
    }
    let suffix = request.suffix.as_deref().unwrap_or_default();
    let whole = format!("{}{text}{suffix}", request.prompt);
    // Prefix and suffix are blanked already, so whatever is found now has a part of the text in it; and what is blanked right
    // beside the hole may go on in it.
    let goes_on = request.prompt.ends_with('*') || suffix.starts_with('*');
    if goes_on || blank(&whole, Degree::Certain) != whole {
        return request;
    }
    FimRequest { previous: Some(Previous { text, tail }), ..request }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(prompt: &str, text: &str, suffix: &str) -> Option<Previous> {
        let request =
            FimRequest { prompt: prompt.into(), suffix: Some(suffix.into()), ..FimRequest::default() };
        recall(request, text, false).previous
    }

    #[test]
    fn a_text_goes_along_with_one_kind_of_line_end() {
        assert_eq!(told("let x = ", "f(a,\r\n  b);", "\n").map(|it| it.text).as_deref(), Some("f(a,\n  b);"));
        assert_eq!(told("let x = ", "  ", "\n"), None);
    }

    #[test]
    fn it_is_bounded() {
        let of = |bytes: usize| told("let x = ", &"x".repeat(bytes), "\n").is_some();
        assert_eq!(
            [MAX_PREVIOUS_BYTES - 1, MAX_PREVIOUS_BYTES, MAX_PREVIOUS_BYTES + 1].map(of),
            [true, true, false]
        );
    }

    #[test]
    fn what_makes_a_key_with_what_is_typed_stays_behind() {
        let key = format!("ghp_{}", "a1".repeat(20));
        let (typed, rest) = key.split_at(10);
        assert_eq!(told("let key = \"", &format!("{key}\";"), "\n"), None);
        assert_eq!(told(&format!("let key = \"{typed}"), &format!("{rest}\";"), "\n"), None);
    }
}
