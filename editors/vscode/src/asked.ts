/** One request on its way: its frames, its answer, and what of them the editor has. Must not draw, nor ask. */

import * as vscode from 'vscode';

import type { Frame } from './protocol.ts';
import { frameText } from './suggestion.ts';

export type Items = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;
export type Part = 'all' | 'word' | 'line';

export class Asked {
  readonly document: vscode.TextDocument;
  readonly position: vscode.Position;
  readonly version: number;
  readonly started = Date.now();
  readonly source = new vscode.CancellationTokenSource();
  /** The newest frame, if any has come. */
  frame: Frame | undefined;
  /** What the answer is, once it is here. */
  answer: { readonly items: Items } | undefined;
  /** The editor has been given a frame, so that it must be told of what comes next. */
  isShown = false;
  /** `seq` of the frame that the editor has. */
  shownSeq = -1;
  /** The editor has the answer. */
  isDelivered = false;
  /** Accepted while it was being refined: to be done once the answer shows. */
  accepted: Part | undefined;
  readonly #ready: Promise<void>;
  #beReady: () => void = () => {};

  constructor(document: vscode.TextDocument, position: vscode.Position) {
    this.document = document;
    this.position = position;
    this.version = document.version;
    this.#ready = new Promise((ready) => {
      this.#beReady = ready;
    });
  }

  isAt(document: vscode.TextDocument, position: vscode.Position): boolean {
    return document === this.document && document.version === this.version && position.isEqual(this.position);
  }

  /** Whether `frame` is of this request, and newer than the last. */
  takes(frame: Frame, uri: vscode.Uri): boolean {
    const { line, character } = frame.position;
    const here = line === this.position.line && character === this.position.character;
    const same = uri.toString() === this.document.uri.toString() && frame.version === this.version;
    return here && same && !this.answer && frame.seq > (this.frame?.seq ?? -1);
  }

  /** There is something to show: an answer, or a frame that has been waited for long enough. */
  beReady(): void {
    this.#beReady();
  }

  /** What is to be shown now; waits for the first of it. */
  async items(token: vscode.CancellationToken, glyph: string): Promise<Items> {
    const cancelled = new Promise<void>((done) => token.onCancellationRequested(() => done()));
    await Promise.race([this.#ready, cancelled]);
    if (this.answer) {
      this.isDelivered = true;
      return this.answer.items;
    }
    if (!this.frame || token.isCancellationRequested) {
      return [];
    }
    this.isShown = true;
    this.shownSeq = this.frame.seq;
    return [this.#frameItem(this.frame, glyph)];
  }

  /** A frame in the shape of ghost text: it ends with what follows the cursor on its line. */
  #frameItem(frame: Frame, glyph: string): vscode.InlineCompletionItem {
    const end = this.document.lineAt(this.position.line).range.end;
    const tail = this.document.getText(new vscode.Range(this.position, end));
    const text = frameText(frame, glyph) + tail;
    const item = new vscode.InlineCompletionItem(text, new vscode.Range(this.position, end));
    const inserted: Inserted = { asked: this, text, tail };
    item.command = { title: '', command: 'quicksilver.acceptedFrame', arguments: [inserted] };
    return item;
  }

  /** The item of the answer that does what a frame did, which ends with `tail`: what it shows may be the answer already. */
  itemOf(text: string, tail: string): vscode.InlineCompletionItem | undefined {
    const items = this.answer?.items;
    const list = Array.isArray(items) ? items : (items?.items ?? []);
    return list.find(({ insertText }) => insertText === text || `${String(insertText)}${tail}` === text);
  }
}

/** What the editor inserted when a frame was accepted. */
export interface Inserted {
  readonly asked: Asked;
  readonly text: string;
  /** What the frame repeats of the line after the cursor. */
  readonly tail: string;
}

/**
 * A frame was accepted. The editor keeps the frame's item when the answer has the same text, so that may be the
 * answer; else it is taken out of the text again.
 */
export async function acceptedFrame({ asked, text, tail }: Inserted): Promise<void> {
  const answer = asked.itemOf(text, tail);
  if (answer) {
    const { command, arguments: args = [] } = answer.command ?? {};
    await (command && vscode.commands.executeCommand(command, ...args));
    return;
  }
  const { document, position } = asked;
  const lines = text.split('\n');
  const start = lines.length === 1 ? position.character : 0;
  const end = new vscode.Position(position.line + lines.length - 1, start + (lines.at(-1) ?? '').length);
  const range = new vscode.Range(position, end);
  const editor = vscode.window.visibleTextEditors.find((found) => found.document === document);
  if (editor && document.getText(range).replaceAll('\r\n', '\n') === text) {
    await editor.edit((edit) => edit.replace(range, tail), { undoStopBefore: false, undoStopAfter: true });
    editor.selection = new vscode.Selection(position, position);
  }
}
