//! Any bytes are the same messages and errors, however they arrive.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use quicksilver::transport::{
    frame::{FrameDecoder, FrameError},
    message,
};
use serde_json::Value;
use tokio_util::codec::Decoder;

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Value, FrameError>> {
    let (mut decoder, mut buffer, mut frames) = (FrameDecoder::default(), BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        while let Some(frame) = decoder.decode(&mut buffer).expect("reading goes on") {
            frames.push(frame);
        }
    }
    frames
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let frames = read(std::iter::once(bytes));
    assert_eq!(frames, read(bytes.chunks(usize::from(size).max(1))));
    for value in frames.into_iter().flatten() {
        let _ = message::classify(value);
    }
});
