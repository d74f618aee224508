//! A table together with the vocabulary whose symbols it counts: what a model brings beside its tokenizer.

use super::Table;
use crate::prior::{Common, Lexicon, Vocabulary};
use std::{borrow::Cow, sync::Arc};

/// A model's counts, ready.
#[derive(Debug)]
pub struct Counts {
    lexicon: Arc<Lexicon>,
    table: Table,
}

impl Counts {
    /// Takes a table's bytes, as [`build`](super::build()) wrote them for this vocabulary.
    ///
    /// # Errors
    /// What is wrong with them, or that they are for another vocabulary.
    pub fn new(bytes: impl Into<Cow<'static, [u8]>>, vocabulary: &impl Vocabulary) -> Result<Self, String> {
        let lexicon =
            Lexicon::new(vocabulary).ok_or("has counts for a vocabulary that is too large for any")?;
        let table = Table::new(bytes, &lexicon)?;
        Ok(Self { lexicon: Arc::new(lexicon), table })
    }

    /// What is known of a language, by its LSP name; nothing of one without a section.
    #[must_use]
    pub fn of(&self, language: &str) -> Option<Common<'_>> {
        let counts = self.table.section(language)?;
        Some(Common { lexicon: &self.lexicon, counts })
    }
}
