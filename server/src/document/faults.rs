//! How many syntax errors a tree holds.

use tree_sitter::Tree;

/// Errors and missing pieces in a tree.
#[must_use]
pub fn faults(tree: &Tree) -> usize {
    let mut cursor = tree.walk();
    let mut found = 0;
    let mut down = true;
    loop {
        let node = cursor.node();
        if down {
            found += usize::from(node.is_error() || node.is_missing());
        }
        // Where there is no error below, there is nothing to count.
        if down && node.has_error() && cursor.goto_first_child() {
            continue;
        }
        down = cursor.goto_next_sibling();
        if !down && !cursor.goto_parent() {
            return found;
        }
    }
}
