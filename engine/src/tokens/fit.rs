//! Fitting a request's texts to a budget of tokens, in the layout that FORMAT.md gives the network.
//!
//! Cuts fall on line borders, and move in strides: a key typed into a file longer than the budget must leave
//! the start of the window where it was, or nothing that the network has cached would fit any more.

use super::{TokenId, Tokenizer};

/// The prefix window moves by this share of the budget (1 in …).
const STRIDE_SHARE: usize = 8;

/// What a request brings, as tokens.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Text before the hole.
    pub prefix: &'a [TokenId],
    /// Text after the hole.
    pub suffix: &'a [TokenId],
    /// LSP language id.
    pub language: Option<&'a str>,
    /// Path relative to the workspace.
    pub path: Option<&'a str>,
    /// Other files or parts of them, the likeliest to help first.
    pub snippets: &'a [&'a [TokenId]],
}

/// The two rows of context that a network sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitted {
    /// `<bos> <|lang|> <|path|> … <|/path|> (<|sep|> snippet)* <|file|> prefix`, as far as the tokenizer has these.
    pub prefix: Vec<TokenId>,
    /// `suffix <eos>`.
    pub suffix: Vec<TokenId>,
}

/// The signs of the layout, as far as a tokenizer has them: public checkpoints lack the header.
#[derive(Clone, Debug)]
pub struct Layout {
    bos: Option<TokenId>,
    eos: Option<TokenId>,
    file: Option<TokenId>,
    path: Option<(TokenId, TokenId)>,
    sep: Option<TokenId>,
    newline: TokenId,
}

impl Layout {
    /// The signs that `tokenizer` has; `bos` and `eos` as the model's config names them.
    #[must_use]
    pub fn new(tokenizer: &Tokenizer, bos: Option<TokenId>, eos: Option<TokenId>) -> Self {
        Self {
            bos,
            eos,
            file: tokenizer.special("<|file|>"),
            path: tokenizer.special("<|path|>").zip(tokenizer.special("<|/path|>")),
            sep: tokenizer.special("<|sep|>"),
            newline: tokenizer.newline(),
        }
    }

    /// Lays out `parts` in at most `budget` tokens, signs included.
    ///
    /// At first a quarter is the suffix's, half the prefix's, the rest the snippets'; what one leaves, the
    /// prefix takes.
    #[must_use]
    pub fn fit(&self, tokenizer: &Tokenizer, parts: &Parts<'_>, budget: usize) -> Fitted {
        let mut prefix = self.header(tokenizer, parts, budget / STRIDE_SHARE);
        let signs = prefix.len() + usize::from(self.file.is_some()) + usize::from(self.eos.is_some());
        let budget = budget.saturating_sub(signs);
        let stride = (budget / STRIDE_SHARE).max(1);
        // In whole strides, so that the other shares stand still while the prefix grows.
        let wanted = (parts.prefix.len() / stride + 1) * stride;
        let at_first = wanted.min(budget / 2);
        let suffix_budget = (budget / 4)
            .max(budget - at_first - self.snippets_wanted(parts).min(budget / 4) - stride.min(budget / 4));
        let mut suffix = self.head(parts.suffix, suffix_budget.min(budget - at_first)).to_vec();
        suffix.extend(self.eos);

        let spare = (budget - at_first).saturating_sub(suffix.len());
        let taken = self.snippets(parts, spare, &mut prefix);
        prefix.extend(self.file);
        prefix.extend_from_slice(self.tail(parts.prefix, at_first + (spare - taken), stride));
        Fitted { prefix, suffix }
    }

    /// `<bos> <|lang|> <|path|> … <|/path|>`, the path no longer than `most` tokens.
    fn header(&self, tokenizer: &Tokenizer, parts: &Parts<'_>, most: usize) -> Vec<TokenId> {
        let mut header: Vec<TokenId> = self.bos.into_iter().collect();
        if self.file.is_none() {
            return header;
        }
        header.extend(
            parts.language.and_then(|language| tokenizer.special(&format!("<|lang:{}|>", tag(language)))),
        );
        if let (Some((open, close)), Some(path)) = (self.path, parts.path) {
            let path = tokenizer.encode(path);
            header.push(open);
            // A path's end says most.
            header.extend_from_slice(&path[path.len().saturating_sub(most)..]);
            header.push(close);
        }
        header
    }

    /// Tokens that all snippets would take.
    fn snippets_wanted(&self, parts: &Parts<'_>) -> usize {
        if self.sep.is_none() { 0 } else { parts.snippets.iter().map(|snippet| snippet.len() + 1).sum() }
    }

    /// Appends snippets, each behind its sign, as many as `spare` tokens hold; says how many tokens it took.
    fn snippets(&self, parts: &Parts<'_>, spare: usize, prefix: &mut Vec<TokenId>) -> usize {
        let Some(sep) = self.sep else { return 0 };
        let mut taken = 0;
        for snippet in parts.snippets {
            let snippet = self.head(snippet, spare.saturating_sub(taken + 1));
            if snippet.is_empty() {
                continue;
            }
            prefix.push(sep);
            prefix.extend_from_slice(snippet);
            taken += snippet.len() + 1;
        }
        taken
    }

    /// The first lines of `tokens`, at most `most` tokens; less than a line only if one line is longer.
    fn head<'t>(&self, tokens: &'t [TokenId], most: usize) -> &'t [TokenId] {
        if tokens.len() <= most {
            return tokens;
        }
        let head = &tokens[..most];
        match head.iter().rposition(|&token| token == self.newline) {
            Some(at) => &head[..=at],
            None => head,
        }
    }

    /// The last lines of `tokens`, at most `most` tokens, cut where a few more tokens would be cut as well.
    fn tail<'t>(&self, tokens: &'t [TokenId], most: usize, stride: usize) -> &'t [TokenId] {
        let over = tokens.len().saturating_sub(most);
        if over == 0 {
            return tokens;
        }
        let cut = (over.div_ceil(stride) * stride).min(tokens.len());
        // No further than a stride for the border, lest one long line take the whole window.
        let border = tokens[cut..].iter().take(stride).position(|&token| token == self.newline);
        &tokens[cut + border.map_or(0, |at| at + 1)..]
    }
}

/// The tag of FORMAT.md for an LSP language id.
fn tag(language: &str) -> &'static str {
    match language {
        "rust" => "rust",
        "python" => "python",
        "javascript" | "javascriptreact" => "javascript",
        "typescript" | "typescriptreact" => "typescript",
        "go" => "go",
        "c" => "c",
        "cpp" | "cuda-cpp" | "objective-cpp" => "cpp",
        "java" => "java",
        "markdown" => "markdown",
        "shellscript" | "sh" | "bash" | "zsh" => "shell",
        "toml" => "toml",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokens::sample;

    fn layout(tokenizer: &Tokenizer) -> Layout {
        Layout::new(tokenizer, tokenizer.special("<|bos|>"), tokenizer.special("<|eos|>"))
    }

    /// The row as text, signs included.
    fn shown(tokenizer: &Tokenizer, tokens: &[TokenId]) -> String {
        tokens
            .iter()
            .map(|&token| match sample::SPECIALS.get(token.0 as usize) {
                Some(name) => (*name).to_owned(),
                None => String::from_utf8_lossy(tokenizer.bytes(token)).into_owned(),
            })
            .collect()
    }

    #[test]
    fn a_small_request_is_laid_out_whole() {
        let tokenizer = sample::tokenizer();
        let (before, after, other) =
            (tokenizer.encode("let x = "), tokenizer.encode(";\n}\n"), tokenizer.encode("fn a() {}\n"));
        let snippets = [&other[..]];
        let parts = Parts {
            prefix: &before,
            suffix: &after,
            language: Some("rust"),
            path: Some("src/a.rs"),
            snippets: &snippets,
        };
        let fitted = layout(&tokenizer).fit(&tokenizer, &parts, 256);
        assert_eq!(
            shown(&tokenizer, &fitted.prefix),
            "<|bos|><|lang:rust|><|path|>src/a.rs<|/path|><|sep|>fn a() {}\n<|file|>let x = "
        );
        assert_eq!(shown(&tokenizer, &fitted.suffix), ";\n}\n<|eos|>");
    }

    #[test]
    fn the_window_stands_still_while_a_line_is_typed() {
        let tokenizer = sample::tokenizer();
        let layout = layout(&tokenizer);
        let text: String = (0..200).map(|n| format!("let v{n} = {n};\n")).collect();
        let suffix = tokenizer.encode("}\n");
        let mut starts = Vec::new();
        for typed in 0..20 {
            let prefix = tokenizer.encode(&format!("{text}let {}", "y".repeat(typed)));
            let parts = Parts { prefix: &prefix, suffix: &suffix, language: None, path: None, snippets: &[] };
            let fitted = layout.fit(&tokenizer, &parts, 256);
            starts.push(fitted.prefix[..40].to_vec());
        }
        starts.dedup();
        assert!(starts.len() <= 2, "{} windows for 20 keys", starts.len());
    }

    proptest! {
        #[test]
        fn the_budget_holds_and_the_text_next_to_the_hole_is_kept(
            before in "([a-z ]{0,12}\n){0,60}[a-z]{0,9}",
            after in "[a-z]{0,9}(\n[a-z ]{0,12}){0,60}",
            others in prop::collection::vec("([a-z ]{0,12}\n){0,30}", 0..4),
            budget in 32_usize..600,
        ) {
            let tokenizer = sample::tokenizer();
            let (before, after) = (tokenizer.encode(&before), tokenizer.encode(&after));
            let others: Vec<_> = others.iter().map(|text| tokenizer.encode(text)).collect();
            let snippets: Vec<&[TokenId]> = others.iter().map(Vec::as_slice).collect();
            let parts = Parts { prefix: &before, suffix: &after, language: Some("go"), path: Some("a.go"), snippets: &snippets };
            let fitted = layout(&tokenizer).fit(&tokenizer, &parts, budget);
            prop_assert!(fitted.prefix.len() + fitted.suffix.len() <= budget);
            let file = tokenizer.special("<|file|>").unwrap();
            let at = fitted.prefix.iter().position(|&token| token == file).unwrap();
            prop_assert!(before.ends_with(&fitted.prefix[at + 1..]));
            prop_assert!(after.starts_with(&fitted.suffix[..fitted.suffix.len() - 1]));
            if before.len() + after.len() + others.iter().map(|other| other.len() + 1).sum::<usize>() + 12 <= budget / 4 {
                prop_assert_eq!(fitted.prefix.len() - at - 1, before.len());
                prop_assert_eq!(fitted.suffix.len() - 1, after.len());
            }
        }
    }
}
