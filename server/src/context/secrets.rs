//! Strings that look like keys, blanked out of text before it goes anywhere. Pure text: lengths and line
//! breaks stay, characters become `*`.
//!
//! Two degrees: [`Degree::Certain`] knows keys by their own shape and is applied to the file at the cursor;
//! [`Degree::Likely`] also blanks what merely looks random or stands where passwords stand, and is applied to
//! all other files, where a wrong guess costs little.

use std::ops::Range;

/// How sure to be before blanking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degree {
    /// Only what has the shape of a key.
    Certain,
    /// Also random-looking strings, and literals assigned to names such as `password`.
    Likely,
}

/// What begins a key, and how many characters must follow.
const PREFIXES: [(&str, usize); 47] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("AROA", 16),
    ("AGPA", 16),
    ("AIDA", 16),
    ("ANPA", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glsa_", 20),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("sk-", 20),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("pk_live_", 10),
    ("whsec_", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("GOCSPX-", 20),
    ("SG.", 30),
    ("npm_", 30),
    ("pypi-", 30),
    ("hf_", 25),
    ("dop_v1_", 30),
    ("shpat_", 20),
    ("shpss_", 20),
    ("sq0atp-", 16),
    ("sq0csp-", 16),
    ("dckr_pat_", 16),
    ("hvs.", 20),
    ("AGE-SECRET-KEY-1", 20),
    ("lin_api_", 20),
    ("xkeysib-", 20),
    ("figd_", 16),
    ("rubygems_", 20),
];

/// Parts of names whose values are secret.
const NAMES: [&str; 16] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "accountkey",
    "credential",
    "authkey",
    "connectionstring",
    "sessionkey",
];

/// Shortest literal that is taken for a password where a name says so, in bytes.
const SHORTEST_PASSWORD: usize = 6;
/// Shortest run that can look random, in bytes.
const SHORTEST_RANDOM: usize = 20;
/// Bits a character above which a run of mixed characters is random. Words in camelCase stay below.
const RANDOM_BITS: f64 = 3.8;

/// `text` with what looks like a key blanked.
pub fn blank(text: &str, degree: Degree) -> String {
    let mut found = pem_blocks(text);
    let marks = Marks::in_text(text);
    let mut after_key_line = false;
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let body = line.trim();
        // The inside of a key block whose head is out of sight.
        let key_line =
            is_key_body(body) || (after_key_line && !body.is_empty() && body.bytes().all(is_base64));
        if key_line {
            found.push(start..start + line.len());
        } else {
            in_line(line, start, degree, marks, &mut found);
        }
        after_key_line = key_line;
        start += line.len();
    }
    overwrite(text, found)
}

/// What a text must hold for its lines to be searched for it: asked once, and hardly ever so.
#[derive(Clone, Copy)]
struct Marks {
    scheme: bool,
    url: bool,
}

/// What stands before a key in an HTTP header.
const SCHEMES: [&str; 3] = ["Bearer ", "bearer ", "Basic "];

impl Marks {
    fn in_text(text: &str) -> Self {
        Self { scheme: SCHEMES.iter().any(|scheme| text.contains(scheme)), url: text.contains("://") }
    }
}

/// Private keys from `BEGIN` to `END`, or to the end of the text.
fn pem_blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("-----BEGIN ")) {
        let start = from + at;
        let rest = text.get(start..).unwrap_or_default();
        let head = rest.get(11..).and_then(|name| name.find("-----")).map_or(rest.len(), |end| end + 16);
        let secret = rest.get(..head.min(120)).is_none_or(|head| head.contains("PRIVATE KEY"));
        let end = match rest.get(head..).and_then(|body| body.find("-----END ")) {
            Some(end) => head + end,
            None => rest.len(),
        };
        if secret {
            found.push(start + head.min(rest.len())..start + end);
        }
        from = start + head.max(11).min(rest.len());
    }
    found
}

/// A line of nothing but base64 that is long and mixed enough to be data.
fn is_key_body(line: &str) -> bool {
    line.len() >= 40 && line.bytes().all(is_base64) && classes(line) == 3
}

fn in_line(line: &str, start: usize, degree: Degree, marks: Marks, found: &mut Vec<Range<usize>>) {
    let mut found_here = |range: Range<usize>| found.push(start + range.start..start + range.end);
    for (at, run) in runs(line) {
        if let Some(key) = key_in(run) {
            found_here(at + key..at + run.len());
        } else if degree == Degree::Likely && is_random(run) {
            found_here(at..at + run.len());
        }
    }
    for scheme in SCHEMES.into_iter().filter(|_| marks.scheme) {
        for (at, _) in line.match_indices(scheme) {
            let from = at + scheme.len();
            let length = line.get(from..).map_or(0, |rest| rest.bytes().take_while(|&b| is_run(b)).count());
            if length >= 16 {
                found_here(from..from + length);
            }
        }
    }
    if marks.url
        && let Some(range) = password_in_url(line)
    {
        found_here(range);
    }
    if degree == Degree::Likely {
        assigned(line).into_iter().for_each(found_here);
    }
}

/// `scheme://user:password@host`.
fn password_in_url(line: &str) -> Option<Range<usize>> {
    let from = line.find("://")? + 3;
    let rest = line.get(from..)?;
    let end = rest.find(|c: char| c.is_whitespace() || "/\"'`".contains(c)).unwrap_or(rest.len());
    let at = rest.get(..end)?.rfind('@')?;
    let colon = rest.get(..at)?.find(':')?;
    (at > colon + 1).then_some(from + colon + 1..from + at)
}

/// Literals behind secret-sounding names: `password = "…"`, `API_KEY: …`, `"token": "…"`.
fn assigned(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, separator) in line.match_indices(['=', ':']) {
        let name =
            line.get(..at).unwrap_or_default().trim_end_matches([' ', '\t', '"', '\'', '`', ':', ']', '?']);
        let name_start =
            name.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c))).map_or(0, |at| at + 1);
        let name: String =
            name.get(name_start..).unwrap_or_default().to_lowercase().replace(['_', '-', '.'], "");
        // `let api_key: &str = "…"` has its name before the type.
        let typed = line.get(..at).is_some_and(|head| {
            separator == "=" && {
                let head = head.to_lowercase().replace('_', "");
                head.contains(':') && NAMES.iter().any(|secret| head.contains(secret))
            }
        });
        if !typed && !NAMES.iter().any(|secret| name.contains(secret)) {
            continue;
        }
        let value_at = at + 1;
        let value = line.get(value_at..).unwrap_or_default();
        let quote = value.find(['"', '\'', '`']);
        let range = match quote {
            Some(open) => {
                let mark = value.get(open..=open).unwrap_or("\"");
                let inner = value.get(open + 1..).unwrap_or_default();
                let end = inner.find(mark).unwrap_or(inner.trim_end().len());
                open + 1..open + 1 + end
            }
            // Bare values, as in `.ini` files: only where they cannot be code.
            None => {
                let begin = value.len() - value.trim_start_matches([' ', '\t', '=', '>']).len();
                let bare = value.get(begin..).unwrap_or_default();
                let end = bare.find(char::is_whitespace).unwrap_or(bare.len());
                let bare = bare.get(..end).unwrap_or_default();
                let mixed =
                    bare.bytes().any(|b| b.is_ascii_digit()) && bare.bytes().any(|b| b.is_ascii_alphabetic());
                let code = bare.contains(['(', ')', '[', '{', '<', ';', ',']) || bare.contains("::");
                if !mixed || code { continue } else { begin..begin + end }
            }
        };
        if range.len() >= SHORTEST_PASSWORD {
            found.push(value_at + range.start..value_at + range.end);
        }
    }
    found
}

/// Longest runs of characters that keys are made of, and where they begin.
fn runs(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let base = line.as_ptr() as usize;
    line.split(|c: char| !c.is_ascii() || !is_run(c as u8))
        // No key is without a digit, and most code is.
        .filter(|run| run.len() >= 12 && run.bytes().any(|byte| byte.is_ascii_digit()))
        .map(move |run| (run.as_ptr() as usize - base, run))
}

fn is_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(&byte)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte)
}

/// Where a key begins in a run, if it holds one.
fn key_in(run: &str) -> Option<usize> {
    let jwt = || {
        let at = run.find("eyJ")?;
        let parts: Vec<&str> = run.get(at..)?.split('.').collect();
        (parts.len() >= 3 && parts.iter().take(2).all(|part| part.len() >= 10)).then_some(at)
    };
    let begins = |at: usize| {
        let rest = run.get(at..).unwrap_or_default();
        PREFIXES.iter().any(|(prefix, least)| {
            let Some(tail) = rest.strip_prefix(prefix) else { return false };
            let long = tail.bytes().take_while(|b| is_base64(*b) || *b == b'.').count() >= *least;
            // `sk-some-long-css-class` is no key.
            long && tail.bytes().any(|b| b.is_ascii_digit())
        })
    };
    let bytes = run.as_bytes();
    let fresh = |at: &usize| at.checked_sub(1).is_none_or(|before| !bytes[before].is_ascii_alphanumeric());
    (0..bytes.len()).filter(fresh).find(|at| begins(*at)).or_else(jwt)
}

/// Whether a run of at least [`SHORTEST_RANDOM`] characters has no order: hexadecimal digits, or mixed ones.
fn is_random(run: &str) -> bool {
    let run = run.trim_matches(['.', '-', '=', '/']);
    if run.len() < SHORTEST_RANDOM {
        return false;
    }
    let hex = run.len() >= 32 && run.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let path = run.matches('/').count() > 2 && run.len() < 60;
    (hex && bits(run) > 2.5)
        || (!path
            && classes(run) == 3
            && bits(run) > RANDOM_BITS
            && changes(run) * 3 > run.len()
            && digit_groups(run) > 1)
}

/// How often neighbours differ in class: often in random strings, seldom in names.
fn changes(run: &str) -> usize {
    let class = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase(), b.is_ascii_lowercase());
    run.as_bytes().windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count()
}

/// Numbers in a run. A name has one at most, mostly at its end.
fn digit_groups(run: &str) -> usize {
    run.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).count()
}

/// How many of digits, small and capital letters occur.
fn classes(run: &str) -> usize {
    let has = |class: fn(&u8) -> bool| usize::from(run.as_bytes().iter().any(class));
    has(u8::is_ascii_digit) + has(u8::is_ascii_lowercase) + has(u8::is_ascii_uppercase)
}

/// Shannon entropy in bits a character.
fn bits(run: &str) -> f64 {
    let mut counts = [0_u32; 256];
    run.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let total = run.len().max(1) as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / total)
        .map(|p| -p * p.log2())
        .sum()
}

/// `text` with every character within `found` as `*`, line breaks left.
fn overwrite(text: &str, mut found: Vec<Range<usize>>) -> String {
    if found.is_empty() {
        return text.to_owned();
    }
    found.sort_by_key(|range| range.start);
    let mut found = found.into_iter().peekable();
    let mut covered = 0;
    let blanked = text.char_indices().map(|(at, c)| {
        while let Some(range) = found.next_if(|range| range.start <= at) {
            covered = covered.max(range.end);
        }
        if at < covered && c != '\n' && c != '\r' { '*' } else { c }
    });
    blanked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_behind_what_only_looks_like_its_beginning() {
        let key = "sk-1234567890abcdefghij1234";
        let text = format!("name = risk-of-{key}\n");
        assert_eq!(blank(&text, Degree::Certain), format!("name = risk-of-{}\n", "*".repeat(key.len())));
        assert_eq!(blank("task-of-the-year-2026-and-on", Degree::Certain), "task-of-the-year-2026-and-on");
    }
}
