//! How large a document may be before we stop helping in it. Its text is kept in step all the same.

/// Bytes of a document that still gets suggestions.
pub const MAX_DOCUMENT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the cursor's line, beyond which there are no suggestions on it.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// Bytes of a document that is parsed. Larger ones are made by machines; they get the rules that ask the text alone.
pub const MAX_PARSED_BYTES: usize = 512 * 1024;
