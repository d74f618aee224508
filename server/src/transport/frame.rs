//! `Content-Length` framing: bytes in, parsed JSON values out.
//!
//! Owns every rule about damaged input. No byte sequence ends the stream: what cannot be read becomes a
//! [`FrameError`] (answered with `-32700`), and reading goes on at the next header. JSON is parsed here
//! once and handed on as a value; nobody downstream parses the bytes again. Knows nothing of JSON-RPC.

use std::io;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio_util::codec::Decoder;

use super::resync::{find_length_field, resync_point};
use super::surrogates::replace_lone_surrogates;

/// Bytes of one message body.
pub const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;
/// Bytes of a body that carries a document's text (`didOpen`, `didChange`).
pub const MAX_TEXT_FRAME_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one header line; of anything longer only the end is kept, where a header may begin.
const MAX_HEADER_LINE_BYTES: usize = 4 * 1024;
/// How many bytes of a big body are looked at, from either end, to learn what it carries.
const PEEK_BYTES: usize = 4 * 1024;

/// Why a frame was not readable. Its text goes to the client as the message of a `-32700`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A header block without `Content-Length`.
    #[error("header without Content-Length")]
    NoLength,
    /// `Content-Length` is no number.
    #[error("Content-Length is not a number of bytes")]
    BadLength,
    /// Two different `Content-Length` values.
    #[error("two different Content-Length values")]
    TwoLengths,
    /// The body is over the limit for what it carries.
    #[error("message of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// Bytes announced.
        bytes: u64,
        /// Bytes allowed.
        limit: usize,
    },
    /// `Content-Type` names a charset other than UTF-8.
    #[error("charset is not utf-8")]
    Charset,
    /// The body is not JSON in UTF-8.
    #[error("body is not JSON: {0}")]
    Json(String),
}

/// Reads frames; see the module's doc.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    state: State,
    /// Bytes of the buffer that are known to hold no line end.
    scanned: usize,
}

#[derive(Debug)]
enum State {
    Header(Header),
    Body { bytes: usize, refusal: Option<FrameError> },
}

impl Default for State {
    fn default() -> Self {
        Self::Header(Header::default())
    }
}

/// What the lines of a header block said so far.
#[derive(Debug, Default)]
struct Header {
    any: bool,
    length: Option<u64>,
    conflict: bool,
    bad_length: bool,
    bad_charset: bool,
}

impl Header {
    fn line(&mut self, line: &[u8]) {
        self.any = true;
        if let Some(value) = find_length_field(line) {
            match parse_length(value) {
                Some(length) => {
                    self.conflict |= self.length.is_some_and(|other| other != length);
                    self.length = Some(length);
                }
                None => self.bad_length = true,
            }
        } else if starts_with_ignore_case(line, b"content-type") {
            let value = String::from_utf8_lossy(line).to_ascii_lowercase();
            if let Some((_, charset)) = value.split_once("charset=") {
                self.bad_charset |= !matches!(charset.trim().trim_matches('"'), "utf-8" | "utf8");
            }
        }
    }

    /// The state that follows the block's blank line; `Ok(None)` after stray blank lines.
    fn end(self) -> Result<Option<State>, FrameError> {
        let too_large = |bytes| FrameError::TooLarge { bytes, limit: MAX_TEXT_FRAME_BYTES };
        match self.length {
            _ if !self.any => Ok(None),
            _ if self.conflict => Err(FrameError::TwoLengths),
            None if self.bad_length => Err(FrameError::BadLength),
            None => Err(FrameError::NoLength),
            // Not skipped but scanned for the next header: the announced length may be a lie.
            Some(bytes) if bytes > MAX_TEXT_FRAME_BYTES as u64 => Err(too_large(bytes)),
            Some(bytes) => {
                let refusal = self.bad_charset.then_some(FrameError::Charset);
                Ok(Some(State::Body {
                    bytes: usize::try_from(bytes).map_err(|_| too_large(bytes))?,
                    refusal,
                }))
            }
        }
    }
}

impl Decoder for FrameDecoder {
    type Item = Result<Value, FrameError>;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Self::Item>, io::Error> {
        loop {
            match &mut self.state {
                State::Header(header) => {
                    let Some(end) = buffer[self.scanned..].iter().position(|&b| b == b'\n') else {
                        if buffer.len() > MAX_HEADER_LINE_BYTES {
                            header.any = true;
                            let _ = buffer.split_to(buffer.len() - MAX_HEADER_LINE_BYTES);
                        }
                        self.scanned = buffer.len();
                        return Ok(None);
                    };
                    let line = buffer.split_to(self.scanned + end + 1);
                    self.scanned = 0;
                    let line = line.trim_ascii_end();
                    if !line.is_empty() {
                        header.line(line);
                        continue;
                    }
                    match std::mem::take(header).end() {
                        Ok(Some(body)) => self.state = body,
                        Ok(None) => {}
                        Err(error) => return Ok(Some(Err(error))),
                    }
                }
                State::Body { bytes, refusal } => {
                    if buffer.len() < *bytes {
                        return Ok(None);
                    }
                    let (bytes, refusal) = (*bytes, refusal.take());
                    let body = buffer.split_to(bytes).freeze();
                    self.state = State::default();
                    return Ok(Some(match refusal {
                        Some(error) => Err(error),
                        None => parse(&body).inspect_err(|_| push_back(&body, buffer)),
                    }));
                }
            }
        }
    }

    /// What is left at the end of the stream is no frame.
    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Self::Item>, io::Error> {
        let frame = self.decode(buffer)?;
        if frame.is_none() {
            buffer.clear();
        }
        Ok(frame)
    }
}

fn parse(body: &Bytes) -> Result<Value, FrameError> {
    if body.len() > MAX_FRAME_BYTES && !carries_text(body) {
        return Err(FrameError::TooLarge { bytes: body.len() as u64, limit: MAX_FRAME_BYTES });
    }
    match serde_json::from_slice(body) {
        Ok(value) => Ok(value),
        // JavaScript strings may hold half a pair; its stand-in has the same UTF-16 length, so that the
        // document stays in step.
        Err(error) => match replace_lone_surrogates(body).map(|repaired| serde_json::from_slice(&repaired)) {
            Some(Ok(value)) => Ok(value),
            _ => Err(FrameError::Json(error.to_string())),
        },
    }
}

/// Whether a big body is a message with a document's text. The order of its fields is the client's choice.
fn carries_text(body: &[u8]) -> bool {
    let ends = [&body[..PEEK_BYTES.min(body.len())], &body[body.len().saturating_sub(PEEK_BYTES)..]];
    let methods: [&[u8]; 2] = [b"\"textDocument/didOpen\"", b"\"textDocument/didChange\""];
    ends.iter().any(|end| methods.iter().any(|method| end.windows(method.len()).any(|w| w == *method)))
}

/// Returns to the buffer what a wrong length made us take of the frames behind an unreadable body.
fn push_back(body: &Bytes, buffer: &mut BytesMut) {
    if let Some(at) = resync_point(body) {
        let mut rest = BytesMut::from(&body[at..]);
        rest.unsplit(std::mem::take(buffer));
        *buffer = rest;
    }
}

/// Digits only: no sign, no unit, nothing after.
fn parse_length(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits.then(|| std::str::from_utf8(value).ok()?.parse().ok()).flatten()
}

fn starts_with_ignore_case(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn frame(body: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// All frames of a stream that arrives in pieces of `piece` bytes.
    fn read(bytes: &[u8], piece: usize) -> Vec<Result<Value, FrameError>> {
        let (mut decoder, mut buffer, mut frames) = (FrameDecoder::default(), BytesMut::new(), Vec::new());
        for chunk in bytes.chunks(piece.max(1)) {
            buffer.extend_from_slice(chunk);
            while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                frames.push(frame);
            }
        }
        frames
    }

    /// The stream, then one good frame; the good frame must be read whatever came before.
    fn survives(bytes: &[u8]) -> Vec<Result<Value, FrameError>> {
        let mut stream = bytes.to_vec();
        stream.extend_from_slice(&frame("[7]"));
        let mut frames = read(&stream, usize::MAX);
        assert_eq!(read(&stream, 1), frames, "reading byte by byte differs");
        assert_eq!(frames.pop(), Some(Ok(json!([7]))), "after {:?}", String::from_utf8_lossy(bytes));
        frames
    }

    #[test]
    fn any_header_lines_are_taken() {
        let body = "X-A: 1\r\ncontent-length:3 \r\nX-B: 2\r\nContent-Type: application/vscode-jsonrpc; charset=utf8\r\n\r\n[1]";
        assert_eq!(survives(body.as_bytes()), [Ok(json!([1]))]);
        assert_eq!(survives(b"Content-Length: 3\n\n[1]"), [Ok(json!([1]))]);
        assert_eq!(survives(b"\r\n\r\n"), []);
    }

    #[test]
    fn damaged_headers_are_errors_and_reading_goes_on() {
        use FrameError::*;
        let cases: [(&[u8], FrameError); 7] = [
            (b"X: 1\r\n\r\n[1]", NoLength),
            (b"Content-Length: -3\r\n\r\n[1]", BadLength),
            (b"Content-Length: 3x\r\n\r\n[1]", BadLength),
            (b"Content-Length:\r\n\r\n[1]", BadLength),
            (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n[1]", TwoLengths),
            (
                b"Content-Length: 99999999999\r\n\r\n[1]",
                TooLarge { bytes: 99_999_999_999, limit: MAX_TEXT_FRAME_BYTES },
            ),
            (b"Content-Type: a; charset=latin1\r\nContent-Length: 3\r\n\r\n[1]", Charset),
        ];
        for (bytes, error) in cases {
            assert_eq!(survives(bytes), [Err(error)]);
        }
    }

    #[test]
    fn wrong_lengths_cost_only_their_own_frame() {
        for length in [1, 4, 6, 7, 12, 20, 23, 24] {
            let bytes = format!("Content-Length: {length}\r\n\r\n[1,2]");
            let frames = survives(bytes.as_bytes());
            assert!(frames.iter().all(Result::is_err) && frames.len() <= 2, "{length}: {frames:?}");
        }
    }

    #[test]
    fn bodies_that_are_not_json_in_utf8_are_errors() {
        let deep = "[".repeat(100_000);
        for body in [&b"{"[..], b"", b"\xff\xfe", b"{\"a\":\"\xc3\x28\"}", deep.as_bytes()] {
            let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
            bytes.extend_from_slice(body);
            let frames = survives(&bytes);
            assert!(matches!(frames.as_slice(), [Err(FrameError::Json(_))]), "{frames:?}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_keeps_its_length() {
        assert_eq!(survives(&frame(r#"["a\ud83db"]"#)), [Ok(json!(["a\u{fffd}b"]))]);
    }

    #[test]
    fn limits_depend_on_what_the_frame_carries() {
        let padded = |method: &str, bytes: usize| {
            let head = format!(r#"{{"method":"{method}","params":""#);
            format!("{head}{}\"}}", "x".repeat(bytes - head.len() - 2))
        };
        let outcome = |body: &str| read(&frame(body), 1 << 20).pop().unwrap();
        assert!(outcome(&padded("a/b", MAX_FRAME_BYTES - 1)).is_ok());
        assert!(outcome(&padded("a/b", MAX_FRAME_BYTES)).is_ok());
        assert!(matches!(outcome(&padded("a/b", MAX_FRAME_BYTES + 1)), Err(FrameError::TooLarge { .. })));
        assert!(outcome(&padded("textDocument/didOpen", MAX_FRAME_BYTES + 1)).is_ok());
        assert!(outcome(&padded("textDocument/didOpen", MAX_TEXT_FRAME_BYTES)).is_ok());
        assert!(outcome(&padded("textDocument/didOpen", MAX_TEXT_FRAME_BYTES + 1)).is_err());
    }

    #[test]
    fn junk_without_line_ends_is_not_kept() {
        let (mut decoder, mut buffer) = (FrameDecoder::default(), BytesMut::new());
        for _ in 0..100 {
            buffer.extend_from_slice(&[b'x'; 1 << 20]);
            assert_eq!(decoder.decode(&mut buffer).unwrap(), None);
            assert!(buffer.len() <= MAX_HEADER_LINE_BYTES);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_stop_the_reader(junk in proptest::collection::vec(any::<u8>(), 0..300)) {
            // Junk may look like the start of a frame, so two good ones follow: the last must be read.
            let mut stream = junk;
            stream.extend_from_slice(b"\r\n\r\n");
            stream.extend(frame("[8]"));
            stream.extend(frame("[7]"));
            prop_assert_eq!(read(&stream, usize::MAX).pop(), Some(Ok(json!([7]))));
        }
    }
}
