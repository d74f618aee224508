//! What the client can do, and what is offered to it.

use serde_json::{Value, json};
use tower_lsp_server::gen_lsp_types::{
    CodeActionKind, CodeActionOptions, CompletionOptions, ExecuteCommandOptions, InitializeParams,
    PositionEncodingKind, Save, SaveOptions, ServerCapabilities, TextDocumentSyncKind,
    TextDocumentSyncOptions,
};

use crate::document::{Encoding, LineEnds};
use crate::session::ClientFacts;

/// The command of every suggestion: the client runs it when the suggestion was taken.
pub const ACCEPTED: &str = "quicksilver.accepted";
/// Commands of code actions that have the edit applied.
pub const APPLY_FILL: &str = "quicksilver.applyFill";
/// See [`APPLY_FILL`].
pub const APPLY_REWRITE: &str = "quicksilver.applyRewrite";
/// Looks for names in doubt.
pub const FIND_DOUBTS: &str = "quicksilver.findDoubts";
/// The kind of the code action that does so: a client asks for it by name, so nothing shows it unasked.
pub const DOUBTS_KIND: &str = "source.doubts";
/// Commands of code actions that the client itself carries out, with a preview.
pub const FILL: &str = "quicksilver.fill";
/// See [`FILL`].
pub const REWRITE: &str = "quicksilver.rewrite";
/// The kind of our code actions.
pub const REWRITE_KIND: &str = "refactor.rewrite";

/// The client's capabilities as far as anything depends on them.
pub fn facts(params: &InitializeParams) -> ClientFacts {
    let capabilities = &params.capabilities;
    let name = params.client_info.as_ref().map_or_else(String::new, |info| info.name.to_ascii_lowercase());
    // "Visual Studio Code", "code-server", "VSCodium", "Cursor": all draw ghost text with the same code.
    let is_vscode =
        ["visual studio code", "code-server", "vscod", "code - oss", "cursor", "windsurf", "openvscode"]
            .iter()
            .any(|known| name.contains(known));
    let text = capabilities.text_document.as_ref();
    let workspace = capabilities.workspace.as_ref();
    let ours =
        capabilities.experimental.as_ref().and_then(|e| e.get("quicksilver")).filter(|e| e.is_object());
    let frames = ours.filter(|e| e.get("frames").and_then(Value::as_bool) == Some(true)).map(|e| {
        e.get("maxFps").and_then(Value::as_u64).and_then(|fps| u32::try_from(fps).ok()).unwrap_or(u32::MAX)
    });
    // Its lines are its buffer's, which a `\r` does not end, and its plugins cannot make it count otherwise.
    let line_ends = if name == "neovim" { LineEnds::Lf } else { LineEnds::Lsp };
    ClientFacts {
        is_vscode,
        line_ends,
        inline_completion: text.is_some_and(|t| t.inline_completion.is_some()),
        frames,
        status: ours.is_some_and(|e| e.get("status").and_then(Value::as_bool) != Some(false)),
        fills: ours.is_some_and(|e| e.get("fill").and_then(Value::as_bool) == Some(true)),
        versioned_edits: workspace.and_then(|w| w.workspace_edit.as_ref()).and_then(|e| e.document_changes)
            == Some(true),
        configuration: workspace.and_then(|w| w.configuration) == Some(true),
        register_configuration: workspace
            .and_then(|w| w.did_change_configuration.as_ref())
            .and_then(|c| c.dynamic_registration)
            == Some(true),
    }
}

/// UTF-8 where it is offered, for then nothing needs converting; else LSP's default.
pub fn encoding(params: &InitializeParams) -> Encoding {
    let offered =
        params.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_ref());
    match offered {
        Some(kinds) if kinds.contains(&PositionEncodingKind::UTF8) => Encoding::Utf8,
        _ => Encoding::Utf16,
    }
}

/// What this server does for such a client.
pub fn offer(facts: &ClientFacts, encoding: Encoding) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }),
        text_document_sync: Some(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::Incremental),
                will_save: None,
                will_save_wait_until: None,
                save: Some(Save::SaveOptions(SaveOptions { include_text: Some(true) })),
            }
            .into(),
        ),
        inline_completion_provider: Some(true.into()),
        // Only where nothing better is spoken: a popup that waits for a model delays everyone else's.
        completion_provider: (!facts.inline_completion).then(CompletionOptions::default),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(vec![
                    CodeActionKind::RefactorRewrite,
                    CodeActionKind::QuickFix,
                    CodeActionKind::from(DOUBTS_KIND.to_owned()),
                ]),
                ..CodeActionOptions::default()
            }
            .into(),
        ),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: vec![ACCEPTED.into(), APPLY_FILL.into(), APPLY_REWRITE.into(), FIND_DOUBTS.into()],
            work_done_progress_options: Default::default(),
        }),
        experimental: Some(json!({
            "quicksilver": { "frames": facts.frames.is_some(), "status": true, "digest": true, "fill": true }
        })),
        ..ServerCapabilities::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(client: Value, capabilities: Value) -> InitializeParams {
        serde_json::from_value(
            json!({"processId": null, "rootUri": null, "clientInfo": client, "capabilities": capabilities}),
        )
        .unwrap()
    }

    #[test]
    fn neovim_gets_utf_8_and_no_fallback() {
        let neovim = params(
            json!({"name": "Neovim", "version": "0.12.4"}),
            json!({
                "general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]},
                "textDocument": {"inlineCompletion": {"dynamicRegistration": false}},
                "experimental": {"quicksilver": {"frames": true, "maxFps": 30}}
            }),
        );
        let facts = facts(&neovim);
        assert_eq!((facts.is_vscode, facts.frames, facts.status), (false, Some(30), true));
        assert_eq!(facts.line_ends, LineEnds::Lf);
        let offered = serde_json::to_value(offer(&facts, encoding(&neovim))).unwrap();
        assert_eq!(offered["positionEncoding"], "utf-8");
        assert_eq!(offered["inlineCompletionProvider"], true);
        assert_eq!(offered["completionProvider"], Value::Null);
        assert_eq!(offered["textDocumentSync"]["change"], 2);
        assert_eq!(offered["experimental"]["quicksilver"]["frames"], true);
    }

    #[test]
    fn vs_code_gets_utf_16_and_a_plain_client_the_fallback() {
        let code = params(
            json!({"name": "code-server"}),
            json!({"general": {"positionEncodings": ["utf-16"]}, "textDocument": {"inlineCompletion": {}}}),
        );
        assert!(facts(&code).is_vscode && facts(&code).frames.is_none() && !facts(&code).status);
        assert_eq!((encoding(&code), facts(&code).line_ends), (Encoding::Utf16, LineEnds::Lsp));
        let plain = params(json!({"name": "helix"}), json!({}));
        let offered = serde_json::to_value(offer(&facts(&plain), encoding(&plain))).unwrap();
        assert!(offered["completionProvider"].is_object());
        assert_eq!(offered["positionEncoding"], "utf-16");
    }
}
