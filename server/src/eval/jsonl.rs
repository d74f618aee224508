//! Lines of JSON from a file, packed with gzip or not. It must not know what they say.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::EvalError;

/// Bytes that a file may have when unpacked: the largest known set has some 30 MB.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The rows of a file, and the digest of its text.
///
/// # Errors
/// [`EvalError::File`], and [`EvalError::Format`] with the number of the first line that is no `T`.
pub fn read<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<(Vec<T>, String), EvalError> {
    let text = text(path)?;
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let row = serde_json::from_str(line).map_err(|error| EvalError::Format {
            path: path.to_owned(),
            why: format!("line {} is no row of {expected}: {error}", number + 1),
        })?;
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(EvalError::Format {
            path: path.to_owned(),
            why: format!("it is empty; give a file of {expected}"),
        });
    }
    Ok((rows, digest(text.as_bytes())))
}

fn text(path: &Path) -> Result<String, EvalError> {
    let file = File::open(path).map_err(EvalError::file(path))?;
    let mut file = BufReader::new(file);
    let packed = file.fill_buf().map_err(EvalError::file(path))?.starts_with(&GZIP);
    let mut bytes = Vec::new();
    let read = match packed {
        true => MultiGzDecoder::new(file).take(MAX_BYTES + 1).read_to_end(&mut bytes),
        false => file.take(MAX_BYTES + 1).read_to_end(&mut bytes),
    };
    read.map_err(EvalError::file(path))?;
    let format = |why: &str| EvalError::Format { path: path.to_owned(), why: why.to_owned() };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format("larger than 512 MiB; split it"));
    }
    String::from_utf8(bytes)
        .map_err(|_| format("it is no text; give lines of JSON, as they are or packed with gzip"))
}

/// SHA-256, its first 16 hexadecimal digits: enough to tell files apart.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<Vec<u32>, String> {
        let file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        std::fs::write(file.path(), bytes).map_err(|error| error.to_string())?;
        read(file.path(), "numbers").map(|(rows, _)| rows).map_err(|error| error.to_string())
    }

    #[test]
    fn packed_or_not_the_rows_are_the_same() {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"1\n\n2\n").unwrap_or_default();
        assert_eq!(read_bytes(&packed.finish().unwrap_or_default()), Ok(vec![1, 2]));
        assert_eq!(read_bytes(b"1\n\n2"), Ok(vec![1, 2]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        assert!(read_bytes(b"1\nx\n").is_err_and(|why| why.contains("line 2 is no row of numbers")));
        assert!(read_bytes(b"").is_err_and(|why| why.contains("it is empty")));
        assert!(read_bytes(b"\xff\xfe").is_err_and(|why| why.contains("it is no text")));
        assert!(read_bytes(&GZIP).is_err());
        let missing = read::<u32>(Path::new("/no/such.jsonl"), "numbers").map_err(|error| error.to_string());
        assert!(missing.is_err_and(|why| why.starts_with("/no/such.jsonl: ")));
    }
}
