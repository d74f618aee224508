//! What a request asks for, in tokens.
//!
//! Owns line ends, healing and what the span kinds mean. Knows no model.

use quicksilver_protocol::{
    completion::{FimRequest, Span, Stop},
    limits::MAX_SPAN_TOKENS,
};

use crate::{
    prior::{Extent, Hole, Previous, heal, table::Counts},
    tokens::{TokenId, Tokenizer},
};

/// The longest line that is answered, tokens.
const MAX_LINE_TOKENS: usize = 96;

/// Masks before a tail: what is being typed there, and a sign.
const GAP: usize = 2;

/// A request in tokens.
#[derive(Debug)]
pub(super) struct Task {
    /// Text before the hole, without what is healed.
    pub(super) prefix: Vec<TokenId>,
    /// Bytes that the span must begin with.
    pub(super) heal: Vec<u8>,
    /// Text after the hole.
    pub(super) suffix: Vec<TokenId>,
    /// The token that is a line break.
    pub(super) newline: TokenId,
    /// Other files, the likeliest to help first.
    pub(super) files: Vec<Vec<TokenId>>,
    /// How far the answer goes.
    pub(super) extent: Extent,
    /// The most tokens of the span.
    pub(super) max_tokens: usize,
    /// Whether "nothing is missing" may be the answer.
    pub(super) allow_empty: bool,
    /// What filled the hole before.
    pub(super) previous: Option<Before>,
    /// The answer ends before the first of these.
    pub(super) stops: Vec<String>,
    /// The first line after the hole that is not blank, if the hole ends its own line.
    pub(super) next_line: Option<String>,
    /// The file's lines end with `\r\n`.
    pub(super) crlf: bool,
    /// LSP language id.
    pub(super) language: Option<String>,
    /// Path of the file with the hole.
    pub(super) path: Option<String>,
}

/// Text that filled a hole before.
#[derive(Debug)]
pub(super) struct Before {
    /// Behind what is healed.
    pub(super) tokens: Vec<TokenId>,
    /// By itself, where something unknown stands before it.
    pub(super) tail: Option<Vec<TokenId>>,
}

impl Before {
    /// How many masks a canvas that begins from it has in front, and the tokens behind them; `None` beyond `capacity`.
    pub(super) fn canvas(&self, capacity: usize) -> Option<(usize, &[TokenId])> {
        let (gap, tokens) = self.tail.as_ref().map_or((0, &self.tokens), |tail| (GAP, tail));
        (!tokens.is_empty() && gap + tokens.len() <= capacity).then_some((gap, tokens))
    }
}

impl Task {
    /// Reads a request that has passed admission.
    pub(super) fn read(request: &FimRequest, tokenizer: &Tokenizer) -> Self {
        let after = request.suffix.as_deref().unwrap_or_default();
        let crlf =
            request.prompt.contains("\r\n") || !request.prompt.contains('\n') && after.contains("\r\n");
        let (before, after) = (unify(&request.prompt), unify(after));
        let typed = before.rsplit('\n').next().unwrap_or_default();
        let extent = extent(request.span, typed, &after);
        let one_line = extent.one_line();
        let longest = match extent {
            Extent::Tokens(tokens) => tokens,
            Extent::Rest | Extent::Inside | Extent::Line => MAX_LINE_TOKENS,
            Extent::Block => MAX_SPAN_TOKENS,
        };
        let asked = request.max_tokens.map_or(usize::MAX, |tokens| tokens as usize);
        let mut prefix = tokenizer.encode_typed(&before);
        let healed = heal(&prefix, tokenizer);
        prefix.truncate(healed.kept);
        // A saved copy of the file itself would hold the hole's own text, or an older one.
        let previous = request.previous.as_ref().map(|previous| {
            let text = unify(&previous.text);
            let text = if one_line { text.split('\n').next().unwrap_or_default() } else { &text };
            let tokens = tokenizer.encode(&format!("{}{text}", String::from_utf8_lossy(&healed.bytes)));
            Before { tokens, tail: previous.tail.then(|| tokenizer.encode(text)) }
        });
        let others = request.context.iter().filter(|file| request.path.as_ref() != Some(&file.path));
        Self {
            prefix,
            heal: healed.bytes,
            // Indentation is known by the line break before it, which the suffix does not show.
            suffix: if before.ends_with('\n') {
                tokenizer.encode_line(&after).to_vec()
            } else {
                tokenizer.encode_again(&after).to_vec()
            },
            newline: tokenizer.newline(),
            files: others.map(|file| tokenizer.encode_again(&unify(&file.text)).to_vec()).collect(),
            extent,
            max_tokens: longest.min(asked).min(MAX_SPAN_TOKENS),
            allow_empty: one_line && may_be_complete(typed, &after),
            previous,
            stops: match &request.stop {
                None => Vec::new(),
                Some(Stop::One(stop)) => vec![unify(stop)],
                Some(Stop::Many(stops)) => stops.iter().map(|stop| unify(stop)).collect(),
            },
            next_line: next_line(&after),
            crlf,
            language: request.language.clone(),
            path: request.path.clone(),
        }
    }

    /// Whether the answer has no line break.
    pub(super) fn one_line(&self) -> bool {
        self.extent.one_line()
    }

    /// As the prior takes it.
    pub(super) fn hole<'a>(&'a self, counts: Option<&'a Counts>) -> Hole<'a> {
        Hole {
            prefix: &self.prefix,
            suffix: &self.suffix,
            files: &self.files,
            heal: &self.heal,
            extent: self.extent,
            max_tokens: self.max_tokens,
            allow_empty: self.allow_empty,
            previous: self
                .previous
                .as_ref()
                .map(|it| Previous { tokens: &it.tokens, tail: it.tail.as_deref() }),
            common: counts.zip(self.language.as_deref()).and_then(|(counts, language)| counts.of(language)),
        }
    }
}

/// Line feeds alone: what models and caches have seen.
pub(super) fn unify(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// A client that says nothing gets the line that the cursor stands in.
fn extent(span: Option<Span>, typed: &str, after: &str) -> Extent {
    let rest = if goes_on(after) { Extent::Inside } else { Extent::Rest };
    match span {
        Some(Span::Rest) => rest,
        Some(Span::Line) => Extent::Line,
        Some(Span::Block) => Extent::Block,
        Some(Span::Tokens(tokens)) => Extent::Tokens(tokens as usize),
        None if typed.trim().is_empty() => Extent::Line,
        None => rest,
    }
}

/// Whether the line could be whole as it stands: it goes on behind the cursor, or ends with what may end a line.
fn may_be_complete(typed: &str, after: &str) -> bool {
    let ends = |last: char| matches!(last, ';' | '{' | '}' | ')' | ']' | ',' | ':' | '"' | '\'');
    goes_on(after) || typed.chars().next_back().is_some_and(ends)
}

/// Whether the line has text right of the hole.
fn goes_on(after: &str) -> bool {
    after.split('\n').next().is_some_and(|rest| !rest.trim().is_empty())
}

fn next_line(after: &str) -> Option<String> {
    let mut lines = after.split('\n');
    let rest_is_blank = lines.next().is_none_or(|rest| rest.trim().is_empty());
    let next = lines.find(|line| !line.trim().is_empty())?;
    rest_is_blank.then(|| next.to_owned())
}
