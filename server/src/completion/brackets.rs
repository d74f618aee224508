//! Which brackets a text opens and closes. Text in double quotes and backticks is passed over.

/// Openers of a text that it does not close, and closers that it does not open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// The closers that are still wanted, innermost last.
    pub open: Vec<char>,
    /// Closers without an opener: byte offset and which.
    pub stray: Vec<(usize, char)>,
}

/// The bracket that closes another.
fn closer(opener: char) -> Option<char> {
    match opener {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        _ => None,
    }
}

/// Whether a character closes something: brackets and quotes, and what may stand after them.
pub(super) fn is_closing(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '>' | '"' | '\'' | '`' | ';' | ',')
}

/// Weighs a text.
pub(super) fn balance(text: &str) -> Balance {
    let mut balance = Balance::default();
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == open || c == '\n' {
                quote = None;
            }
            continue;
        }
        if matches!(c, '"' | '`') {
            quote = Some(c);
        } else if let Some(closer) = closer(c) {
            balance.open.push(closer);
        } else if matches!(c, ')' | ']' | '}') {
            if balance.open.last() == Some(&c) {
                balance.open.pop();
            } else {
                balance.stray.push((at, c));
            }
        }
    }
    balance
}

/// Whether `new` in place of `old` leaves other brackets open, or closes others, than `old` did.
pub(super) fn breaks(old: &str, new: &str) -> bool {
    let closers = |balance: &Balance| balance.stray.iter().map(|&(_, closer)| closer).collect::<Vec<_>>();
    let (old, new) = (balance(old), balance(new));
    old.open != new.open || closers(&old) != closers(&new)
}

/// Whether the characters of `part` stand in `whole` in their order.
pub(super) fn is_subsequence(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|c| rest.any(|other| other == c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openers_and_stray_closers_are_told_apart() {
        let weighed = balance("f(a[1], g(");
        assert_eq!((weighed.open, weighed.stray), (vec![')', ')'], vec![]));
        let weighed = balance("a) + b]");
        assert_eq!(weighed.stray, [(1, ')'), (6, ']')]);
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert_eq!(balance(r#"f(")\")" )"#), Balance::default());
    }

    #[test]
    fn a_text_in_place_of_another_leaves_its_brackets_as_they_were() {
        assert!(!breaks("todo!()", "f(a[1])"));
        assert!(breaks("todo!()", "match *self {"));
        assert!(breaks("todo!()", "} else {"));
        assert!(!breaks("} else {", "} else if a {"));
    }
}
