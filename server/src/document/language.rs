//! What is known of a language: its grammar, its comments, its usual indentation. An unknown language works
//! too, without a tree.

use std::{fmt, sync::Arc};

/// A language by its LSP id.
#[derive(Clone)]
pub struct Language {
    id: Arc<str>,
    facts: &'static Facts,
}

/// How a language is usually indented, where a file does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indent {
    /// One tab a level.
    Tab,
    /// So many spaces a level.
    Spaces(usize),
}

/// What opens a block at the end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// `{ … }`.
    Braces,
    /// A colon, then deeper lines.
    Colon,
    /// Not known.
    Unknown,
}

struct Facts {
    ids: &'static [&'static str],
    line_comments: &'static [&'static str],
    quotes: &'static [char],
    block_comment: Option<(&'static str, &'static str)>,
    indent: Indent,
    blocks: Blocks,
    extensions: &'static [&'static str],
    grammar: fn() -> Option<tree_sitter::Language>,
}

impl Language {
    /// The language that an editor calls `id`.
    pub fn from_id(id: &str) -> Self {
        let facts = KNOWN.iter().find(|facts| facts.ids.contains(&id)).unwrap_or(&UNKNOWN);
        Self { id: Arc::from(id), facts }
    }

    /// The language of a file name's extension (`rs`, `py`; no dot); unknown ones are named `plaintext`.
    pub fn from_extension(extension: &str) -> Self {
        let known = KNOWN.iter().find_map(|facts| {
            let at = facts.extensions.iter().position(|known| known.eq_ignore_ascii_case(extension))?;
            // `.jsx` and `.js` share facts but not ids: both lists keep the same order.
            Some(Self { id: Arc::from(*facts.ids.get(at).or(facts.ids.first())?), facts })
        });
        known.unwrap_or_else(|| Self::from_id("plaintext"))
    }

    /// Its LSP id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The grammar, where there is one and it is built in.
    pub fn grammar(&self) -> Option<tree_sitter::Language> {
        (self.facts.grammar)()
    }

    /// What begins a comment that ends with the line.
    pub fn line_comments(&self) -> &'static [&'static str] {
        self.facts.line_comments
    }

    /// What a string begins and ends with. Quotes of single characters are not among them.
    pub fn quotes(&self) -> &'static [char] {
        self.facts.quotes
    }

    /// What begins and ends a comment over several lines.
    pub fn block_comment(&self) -> Option<(&'static str, &'static str)> {
        self.facts.block_comment
    }

    /// Its usual indentation.
    pub fn indent(&self) -> Indent {
        self.facts.indent
    }

    /// What opens its blocks.
    pub fn blocks(&self) -> Blocks {
        self.facts.blocks
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

/// `Some` of a grammar where its feature is on.
macro_rules! grammar {
    ($feature:literal, $language:expr) => {
        || {
            #[cfg(feature = $feature)]
            let grammar = Some(tree_sitter::Language::from($language));
            #[cfg(not(feature = $feature))]
            let grammar = None;
            grammar
        }
    };
}

const C_LIKE: Facts = Facts {
    ids: &[],
    line_comments: &["//"],
    quotes: &['"'],
    block_comment: Some(("/*", "*/")),
    indent: Indent::Spaces(4),
    blocks: Blocks::Braces,
    extensions: &[],
    grammar: || None,
};

const SCRIPT_QUOTES: &[char] = &['"', '\'', '`'];

const HASHED: Facts = Facts {
    line_comments: &["#"],
    quotes: &['"', '\''],
    block_comment: None,
    blocks: Blocks::Unknown,
    indent: Indent::Spaces(2),
    ..C_LIKE
};

static UNKNOWN: Facts = Facts { line_comments: &[], block_comment: None, blocks: Blocks::Unknown, ..C_LIKE };

static KNOWN: [Facts; 23] = [
    Facts {
        ids: &["rust"],
        extensions: &["rs"],
        grammar: grammar!("rust", tree_sitter_rust::LANGUAGE),
        ..C_LIKE
    },
    Facts {
        ids: &["python"],
        extensions: &["py", "pyi"],
        indent: Indent::Spaces(4),
        blocks: Blocks::Colon,
        grammar: grammar!("python", tree_sitter_python::LANGUAGE),
        ..HASHED
    },
    Facts {
        ids: &["typescript"],
        extensions: &["ts", "mts", "cts"],
        indent: Indent::Spaces(2),
        quotes: SCRIPT_QUOTES,
        grammar: grammar!("typescript", tree_sitter_typescript::LANGUAGE_TYPESCRIPT),
        ..C_LIKE
    },
    Facts {
        ids: &["typescriptreact"],
        extensions: &["tsx"],
        indent: Indent::Spaces(2),
        quotes: SCRIPT_QUOTES,
        grammar: grammar!("typescript", tree_sitter_typescript::LANGUAGE_TSX),
        ..C_LIKE
    },
    Facts {
        ids: &["javascript", "javascriptreact"],
        extensions: &["js", "jsx", "mjs", "cjs"],
        indent: Indent::Spaces(2),
        quotes: SCRIPT_QUOTES,
        grammar: grammar!("javascript", tree_sitter_javascript::LANGUAGE),
        ..C_LIKE
    },
    Facts {
        ids: &["go"],
        extensions: &["go"],
        indent: Indent::Tab,
        quotes: &['"', '`'],
        grammar: grammar!("go", tree_sitter_go::LANGUAGE),
        ..C_LIKE
    },
    Facts { ids: &["c"], extensions: &["c", "h"], grammar: grammar!("c", tree_sitter_c::LANGUAGE), ..C_LIKE },
    Facts {
        ids: &["cpp"],
        extensions: &["cpp", "cc", "cxx", "hpp", "hh"],
        grammar: grammar!("cpp", tree_sitter_cpp::LANGUAGE),
        ..C_LIKE
    },
    Facts {
        ids: &["java"],
        extensions: &["java"],
        grammar: grammar!("java", tree_sitter_java::LANGUAGE),
        ..C_LIKE
    },
    Facts { ids: &["csharp"], extensions: &["cs"], ..C_LIKE },
    Facts { ids: &["kotlin"], extensions: &["kt", "kts"], ..C_LIKE },
    Facts { ids: &["swift"], extensions: &["swift"], ..C_LIKE },
    Facts { ids: &["scala"], extensions: &["scala"], indent: Indent::Spaces(2), ..C_LIKE },
    Facts {
        ids: &["php"],
        extensions: &["php"],
        line_comments: &["//", "#"],
        quotes: &['"', '\''],
        ..C_LIKE
    },
    Facts { ids: &["zig"], extensions: &["zig"], block_comment: None, ..C_LIKE },
    Facts {
        ids: &["dart"],
        extensions: &["dart"],
        indent: Indent::Spaces(2),
        quotes: &['"', '\''],
        ..C_LIKE
    },
    Facts {
        ids: &["css"],
        extensions: &["css"],
        line_comments: &[],
        quotes: &['"', '\''],
        indent: Indent::Spaces(2),
        ..C_LIKE
    },
    Facts { ids: &["ruby"], extensions: &["rb"], ..HASHED },
    Facts { ids: &["shellscript"], extensions: &["sh"], ..HASHED },
    Facts { ids: &["yaml"], extensions: &["yaml", "yml"], ..HASHED },
    Facts { ids: &["toml"], extensions: &["toml"], ..HASHED },
    Facts { ids: &["lua"], extensions: &["lua"], line_comments: &["--"], ..HASHED },
    Facts { ids: &["sql"], extensions: &["sql"], line_comments: &["--"], ..HASHED },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_extensions_meet() {
        for (extension, id) in
            [("rs", "rust"), ("TSX", "typescriptreact"), ("jsx", "javascriptreact"), ("pyi", "python")]
        {
            assert_eq!(Language::from_extension(extension).id(), id);
        }
        assert_eq!(Language::from_extension("xyz").id(), "plaintext");
    }

    #[test]
    fn an_unknown_language_keeps_its_name_and_has_no_tree() {
        let language = Language::from_id("brainfuck");
        assert_eq!(language.id(), "brainfuck");
        assert!(language.grammar().is_none());
    }
}
