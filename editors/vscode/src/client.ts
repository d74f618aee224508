/**
 * The language client: how the server is started, what it is told, and what of its messages goes where. Must not
 * know when it is started or stopped.
 */

import type * as vscode from 'vscode';
import {
  type ClientCapabilities,
  CloseAction,
  ErrorAction,
  type FeatureState,
  InlineCompletionRequest,
  LanguageClient,
  type LanguageClientOptions,
  type ServerCapabilities,
  type ServerOptions,
  type StaticFeature,
} from 'vscode-languageclient/node';

import type { Asked, Items } from './asked.ts';
import * as config from './config.ts';
import type { Defined } from './definitions.ts';
import * as protocol from './protocol.ts';
import type { Requests } from './request.ts';
import type { Status } from './status.ts';

/** What the client hands messages on to. */
export interface Listeners {
  readonly requests: Requests;
  readonly status: Status;
  /** The connection broke off. */
  readonly onClosed: () => void;
}

/** Opts in to frames, and keeps the client from drawing ghost text by itself: that is `request.ts`'s. */
class Frames implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      ...protocol.capabilities(config.refinement() !== 'off'),
    };
  }
  preInitialize(capabilities: ServerCapabilities): void {
    delete capabilities.inlineCompletionProvider;
  }
  initialize(): void {}
  getState(): FeatureState {
    return { kind: 'static' };
  }
  clear(): void {}
}

/** A client for the server at `path`, not started yet. */
export function makeClient(path: string, log: vscode.LogOutputChannel, listeners: Listeners): LanguageClient {
  const { requests, status, onClosed } = listeners;
  const server: ServerOptions = { command: path, args: ['lsp'] };
  const options: LanguageClientOptions = {
    documentSelector: config.SCHEMES.map((scheme) => ({ scheme })),
    initializationOptions: { [config.SECTION]: config.serverSettings() },
    outputChannel: log,
    // Restarts are the extension's own: with back-off, and one message at the end.
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        onClosed();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
    initializationFailedHandler: () => false,
    middleware: {
      executeCommand: (command, args, next) => {
        if (command === protocol.ACCEPTED_COMMAND) {
          status.countAccepted();
        }
        return next(command, args);
      },
      workspace: {
        // The server knows one section; of ours it gets what is its own.
        // `ctx.ts` tells of changes, with what is the server's own, and only while it runs.
        didChangeConfiguration: () => Promise.resolve(),
        configuration: (params) => params.items.map(() => config.serverSettings()),
      },
    },
  };
  const client = new LanguageClient(config.SECTION, 'Quicksilver', server, options);
  client.registerFeature(new Frames());
  client.onNotification(protocol.FRAME, (params: unknown) => {
    const frame = protocol.asFrame(params);
    if (frame) {
      requests.onFrame(frame, client.protocol2CodeConverter.asUri(frame.uri));
    }
  });
  client.onNotification(protocol.STATUS, (params: unknown) => {
    const said = protocol.asStatus(params);
    const uri = said?.uri === undefined ? undefined : client.protocol2CodeConverter.asUri(said.uri);
    if (said && status.setServer(said, uri)) {
      void learnModel(client, status);
      void requests.askAgain();
    }
  });
  return client;
}

/** Asks the server for ghost text. */
export async function ask(client: LanguageClient, asked: Asked, context: vscode.InlineCompletionContext): Promise<Items> {
  const { token } = asked.source;
  const plain = client.code2ProtocolConverter.asInlineCompletionParams(asked.document, asked.position, context);
  const params = protocol.withCircumstances(plain, config.circumstances(asked.document));
  const answer = await client.sendRequest(InlineCompletionRequest.type, params, token);
  return client.protocol2CodeConverter.asInlineCompletionResult(answer, token);
}

/** Tells the server where names of a document are defined. */
export function tellDefinitions(client: LanguageClient, document: vscode.TextDocument, names: readonly Defined[]): void {
  const { asUri, asVersionedTextDocumentIdentifier } = client.code2ProtocolConverter;
  const places = (at: readonly vscode.Location[]) => at.map(({ uri, range }) => ({ uri: asUri(uri), range }));
  const told = names.map(({ name, locations }) => ({ name, locations: places(locations) }));
  const params = { textDocument: asVersionedTextDocumentIdentifier(document), names: told };
  client.sendNotification(protocol.DEFINITIONS, params).catch(() => undefined);
}

/** Tells the status which model answers, and where it runs. */
export async function learnModel(client: LanguageClient, status: Status): Promise<void> {
  const answer: unknown = await client.sendRequest(protocol.STATUS).catch(() => undefined);
  status.setModel(protocol.asModel(answer));
}
