//! Parameters of any shape are typed, or refused with `-32602`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quicksilver::lsp::from_proto;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp_server::gen_lsp_types as lsp;
use tower_lsp_server::jsonrpc::ErrorCode;

fn typed<T: DeserializeOwned>(params: &Value) {
    if let Err(error) = from_proto::params::<T>(params.clone()) {
        assert_eq!(error.code, ErrorCode::InvalidParams);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut params) = serde_json::from_slice::<Value>(bytes) else { return };
    typed::<lsp::DidOpenTextDocumentParams>(&params);
    typed::<lsp::VersionedTextDocumentIdentifier>(&params);
    typed::<lsp::InlineCompletionParams>(&params);
    typed::<lsp::CompletionParams>(&params);
    typed::<lsp::CodeActionParams>(&params);
    typed::<lsp::InitializeParams>(&params);
    let _ = from_proto::uri(&params);
    if let Err(error) = from_proto::changes(&mut params) {
        assert_eq!(error.code, ErrorCode::InvalidParams);
    }
});
