//! The service: which method goes to which handler.
//!
//! Owns what handlers share. Methods are registered one by one, so that only what is served is linked, and
//! so that handlers can take raw parameters where a client may say more than the standard types hold.

use serde_json::Value;
use tokio::sync::watch;
use tower_lsp_server::gen_lsp_types::{
    CompletionList, CompletionParams, ExecuteCommandParams, InitializeParams, InitializeResult,
    InitializedParams, InlineCompletionList,
};
use tower_lsp_server::jsonrpc::Result;
use tower_lsp_server::{Client, ClientSocket, LanguageServer, LspService};

use super::fill::{FillAnswer, RewriteAnswer};
use super::handlers;
use crate::session::{Settings, Shared, status::StatusBoard};

/// What handlers share. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    /// Everything mutable.
    pub session: Shared,
    /// Why nothing shows.
    pub status: StatusBoard,
    /// The way to the client.
    pub client: Client,
    /// The process that started us, once the client says.
    pub parent: watch::Sender<Option<u32>>,
}

/// The service, the client's end of it, and the id of the process that started us, once it is known.
pub fn service(settings: Settings) -> (LspService<Server>, ClientSocket, watch::Receiver<Option<u32>>) {
    let (parent, parent_id) = watch::channel(None);
    let session = Shared::default();
    session.with(|s| (s.settings, s.user_settings) = (settings.clone(), settings));
    let (service, socket) = LspService::build_with_lifecycle_methods(|client| Server {
        session,
        status: StatusBoard::default(),
        client,
        parent,
    })
    .custom_method("textDocument/didOpen", Server::did_open)
    .custom_method("textDocument/didChange", Server::did_change)
    .custom_method("textDocument/didSave", Server::did_save)
    .custom_method("textDocument/didClose", Server::did_close)
    .custom_method("workspace/didChangeConfiguration", Server::did_change_configuration)
    .custom_method("textDocument/inlineCompletion", Server::inline_completion)
    .custom_method("textDocument/completion", Server::completion)
    .custom_method("textDocument/codeAction", Server::code_action)
    .custom_method("quicksilver/fill", Server::fill)
    .custom_method("quicksilver/rewrite", Server::rewrite)
    .custom_method("workspace/executeCommand", Server::execute_command)
    .custom_method("quicksilver/digest", Server::digest)
    .custom_method("quicksilver/status", Server::status)
    .custom_method("quicksilver/didShow", Server::did_show)
    .custom_method("quicksilver/didPartiallyAccept", Server::did_partially_accept)
    .custom_method("quicksilver/didReject", Server::did_reject)
    .custom_method("quicksilver/didFocus", Server::did_focus)
    .custom_method("quicksilver/definitions", Server::definitions)
    .custom_method("quicksilver/lineEnds", Server::line_ends)
    .finish();
    (service, socket, parent_id)
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        Ok(handlers::initialize::handle(self, &params))
    }

    async fn initialized(&self, _: InitializedParams) {
        handlers::initialized::handle(self);
    }

    async fn shutdown(&self) -> Result<()> {
        handlers::shutdown::handle(self);
        Ok(())
    }
}

/// Notification handlers have no `.await`: they are done when `call` returns.
impl Server {
    async fn did_open(&self, params: Value) {
        handlers::did_open::handle(self, params);
    }

    async fn did_change(&self, params: Value) {
        handlers::did_change::handle(self, params);
    }

    async fn did_save(&self, params: Value) {
        handlers::did_save::handle(self, params);
    }

    async fn did_close(&self, params: Value) {
        handlers::did_close::handle(self, params);
    }

    async fn did_change_configuration(&self, params: Value) {
        handlers::did_change_configuration::handle(self, &params);
    }

    async fn inline_completion(&self, params: Value) -> Result<InlineCompletionList> {
        handlers::inline_completion::handle(self, params).await
    }

    async fn completion(&self, params: CompletionParams) -> Result<CompletionList> {
        handlers::completion::handle(self, params).await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Value> {
        handlers::execute_command::handle(self, params).await
    }

    async fn code_action(&self, params: Value) -> Result<Value> {
        handlers::code_action::handle(self, params)
    }

    async fn fill(&self, params: Value) -> Result<FillAnswer> {
        handlers::fill::fill(self, params).await
    }

    async fn rewrite(&self, params: Value) -> Result<RewriteAnswer> {
        handlers::fill::rewrite(self, params).await
    }

    async fn digest(&self, params: Value) -> Result<Value> {
        handlers::digest::handle(self, &params)
    }

    async fn status(&self) -> Result<handlers::status::Answer> {
        Ok(handlers::status::handle(self))
    }

    async fn did_show(&self, params: Value) {
        handlers::feedback::did_show(&params);
    }

    async fn did_partially_accept(&self, params: Value) {
        handlers::feedback::did_partially_accept(&params);
    }

    async fn did_reject(&self, params: Value) {
        handlers::feedback::did_reject(self, &params);
    }

    async fn did_focus(&self, params: Value) {
        handlers::feedback::did_focus(self, &params);
    }

    async fn definitions(&self, params: Value) {
        handlers::definitions::handle(self, params);
    }

    async fn line_ends(&self, params: Value) {
        handlers::line_ends::handle(self, params);
    }
}
