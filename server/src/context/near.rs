//! What stands near the cursor, as names: those on its line first, then those of the lines around it, then the
//! imports. Pure text.

use rustc_hash::FxHashMap;

use super::identifiers::{hash, words};
use crate::document::{ByteOffset, Snapshot};

/// Lines before the cursor's that count as near, and after it.
const BEFORE: usize = 40;
const AFTER: usize = 20;
/// Lines of distance by which a name's weight halves.
const HALF: f32 = 6.0;
/// Weight of a name that is imported; one on the cursor's line has 1.
const IMPORTED: f32 = 0.1;
/// Nodes at the top of a file that are looked at for imports, and the bytes of one.
const IMPORTS: usize = 400;
const IMPORT_BYTES: usize = 2048;

/// The names near a cursor.
#[derive(Clone, Debug, Default)]
pub(super) struct Near {
    /// Their weights, in (0, 1].
    pub(super) names: FxHashMap<u64, f32>,
    /// Those of the lines around it, in order.
    pub(super) words: Vec<u64>,
}

impl Near {
    /// What is near `at`.
    pub(super) fn of(snapshot: &Snapshot, at: ByteOffset) -> Self {
        let mut near = Self::default();
        let text = snapshot.text();
        let here = text.byte_to_line(at.0.min(text.len_bytes()));
        for line in here.saturating_sub(BEFORE)..(here + AFTER + 1).min(text.len_lines()) {
            let written = snapshot.slice(snapshot.line_at(ByteOffset(text.line_to_byte(line))));
            let weight = 0.5_f32.powf(line.abs_diff(here) as f32 / HALF);
            near.add(&written, weight);
        }
        near.words = near.names.keys().copied().collect();
        near.words.sort_unstable();
        if let Some(tree) = snapshot.tree() {
            let root = tree.root_node();
            let mut cursor = root.walk();
            let imports = root.children(&mut cursor).take(IMPORTS).filter(|node| {
                let kind = node.kind();
                kind.contains("import") || kind == "use_declaration" || kind == "preproc_include"
            });
            for import in imports {
                let bytes = import.byte_range();
                near.add(&snapshot.slice(bytes.start..bytes.end.min(bytes.start + IMPORT_BYTES)), IMPORTED);
            }
        }
        near
    }

    fn add(&mut self, text: &str, weight: f32) {
        for word in words(text) {
            let known = self.names.entry(hash(word)).or_insert(weight);
            *known = known.max(weight);
        }
    }
}
