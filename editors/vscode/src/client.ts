/**
 * The language client: how the server is started, what it is told, and what of its messages goes where. Must not
 * know when it is started or stopped.
 */

import * as vscode from 'vscode';
import {
  type ClientCapabilities,
  CloseAction,
  ErrorAction,
  type FeatureState,
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  type StaticFeature,
} from 'vscode-languageclient/node';

import * as config from './config.ts';
import type { Asked, Ghost } from './ghost.ts';
import * as protocol from './protocol.ts';
import type { Status } from './status.ts';

/** What the client hands messages on to. */
export interface Listeners {
  readonly ghost: Ghost;
  readonly status: Status;
  /** The connection broke off. */
  readonly onClosed: () => void;
}

/** Opts in to frames. */
class Frames implements StaticFeature {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = {
      ...(capabilities.experimental as object | undefined),
      ...protocol.capabilities(config.frames()),
    };
  }
  initialize(): void {}
  getState(): FeatureState {
    return { kind: 'static' };
  }
  clear(): void {}
}

/** A client for the server at `path`, not started yet. */
export function makeClient(path: string, log: vscode.LogOutputChannel, listeners: Listeners): LanguageClient {
  const { ghost, status, onClosed } = listeners;
  /** The last request, if silence was the answer. */
  let silent: Asked | undefined;
  const server: ServerOptions = { command: path, args: ['lsp'] };
  const options: LanguageClientOptions = {
    documentSelector: [{ scheme: 'file' }, { scheme: 'untitled' }],
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
      provideInlineCompletionItems: async (document, position, context, token, next) => {
        const automatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
        if (config.reasonOff(document) !== undefined || (automatic && !config.automatic(document))) {
          return [];
        }
        const asked = { document, position, version: document.version };
        silent = undefined;
        ghost.begin(asked);
        try {
          const answer = await next(document, position, context, token);
          if (isEmpty(answer)) {
            silent = asked;
          } else {
            status.clearDocument(document.uri);
          }
          return answer;
        } finally {
          ghost.end(asked);
        }
      },
      workspace: {
        // The server knows one section; of ours it gets what is its own.
        configuration: (params) => params.items.map(() => config.serverSettings()),
      },
    },
  };
  const client = new LanguageClient(config.SECTION, 'Quicksilver', server, options);
  client.registerFeature(new Frames());
  client.onNotification(protocol.FRAME, (params: unknown) => {
    const frame = protocol.asFrame(params);
    if (frame) {
      ghost.onFrame(frame, client.protocol2CodeConverter.asUri(frame.uri));
    }
  });
  client.onNotification(protocol.STATUS, (params: unknown) => {
    const said = protocol.asStatus(params);
    const uri = said?.uri === undefined ? undefined : client.protocol2CodeConverter.asUri(said.uri);
    if (said && status.setServer(said, uri) && silent && isHere(silent)) {
      void vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    }
  });
  return client;
}

function isEmpty(answer: vscode.ProviderResult<vscode.InlineCompletionItem[] | vscode.InlineCompletionList>): boolean {
  const items = Array.isArray(answer) ? answer : ((answer as vscode.InlineCompletionList | undefined)?.items ?? []);
  return items.length === 0;
}

/** Whether the user still is where the request was made. */
function isHere(asked: Asked): boolean {
  const editor = vscode.window.activeTextEditor;
  const unchanged = editor?.document === asked.document && asked.document.version === asked.version;
  return unchanged && editor.selection.active.isEqual(asked.position);
}
