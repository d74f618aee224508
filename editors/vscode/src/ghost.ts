/**
 * Ghost text that changes in place. VS Code's stable API asks a provider and draws what it says; it has no way to
 * say that the answer has changed. But the editor's own command "trigger" asks again, without taking away what is
 * drawn, when it has not asked that very provider at that place before. So each redraw registers the provider
 * anew. Must not know what is drawn.
 */

import * as vscode from 'vscode';

import { SCHEMES } from './config.ts';

const TRIGGER = 'editor.action.inlineSuggest.trigger';
const SELECTOR: vscode.DocumentSelector = SCHEMES.map((scheme) => ({ scheme }));

export class Ghost implements vscode.Disposable {
  readonly #provider: vscode.InlineCompletionItemProvider;
  /** Only ours is asked again: another extension's need not answer thirty times a second. */
  readonly #arguments: { readonly providerId: string; readonly explicit: false };
  #registration: vscode.Disposable | undefined;

  /** @param extension the extension's id */
  constructor(extension: string, provider: vscode.InlineCompletionItemProvider) {
    this.#provider = provider;
    this.#arguments = { providerId: `${extension}:*`, explicit: false };
    this.#register();
  }

  /** Asks the provider again, and draws what it says in place of what is drawn. */
  async redraw(): Promise<void> {
    this.#register();
    await vscode.commands.executeCommand(TRIGGER, this.#arguments);
  }

  /** The same for an editor that did not ask: it loses what is drawn, and gets it anew. */
  async drawAnew(): Promise<void> {
    await this.hide();
    await vscode.commands.executeCommand(TRIGGER);
  }

  async hide(): Promise<void> {
    await vscode.commands.executeCommand('editor.action.inlineSuggest.hide');
  }

  #register(): void {
    this.#registration?.dispose();
    this.#registration = vscode.languages.registerInlineCompletionItemProvider(SELECTOR, this.#provider);
  }

  dispose(): void {
    this.#registration?.dispose();
  }
}
