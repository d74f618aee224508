/**
 * Fills several places together, and writes a selection anew: which places, the request, and its frames. Must not know
 * how the preview is drawn.
 */

import * as vscode from 'vscode';

import type { Notice } from './notice.ts';
import type { Offer, Preview } from './preview.ts';
import * as protocol from './protocol.ts';

/** Asks the server; undefined when it does not run. */
export type Ask = (method: string, params: object, cancel: vscode.CancellationToken) => Promise<unknown>;

/** What a code action's command carries. */
interface Argument {
  readonly holes?: readonly protocol.Range[];
  readonly range?: protocol.Range;
}

interface Asking {
  readonly token: string;
  readonly editor: vscode.TextEditor;
  readonly version: number;
  readonly cancel: vscode.CancellationTokenSource;
  seq: number;
}

export class Fill implements vscode.Disposable {
  readonly #ask: Ask;
  readonly #preview: Preview;
  readonly #notice: Notice;
  #asking: Asking | undefined;
  #tokens = 0;

  constructor(ask: Ask, preview: Preview, notice: Notice) {
    this.#ask = ask;
    this.#preview = preview;
    this.#notice = notice;
  }

  /** The cursors' places; of selections the placeholders in them; or those that a code action names. */
  async fill(argument?: Argument): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor) {
      return;
    }
    const carets = editor.selections.filter((selection) => selection.isEmpty);
    const selected = editor.selections.find((selection) => !selection.isEmpty);
    const holes = argument?.holes ?? carets.map(asProtocol);
    const within = argument?.holes || !selected ? undefined : asProtocol(selected);
    await this.#offer(editor, protocol.FILL, { holes, within }, (answer) =>
      protocol.asFilled(answer).map(({ range, newText }) => ({ range: asRange(range), texts: [newText] })),
    );
  }

  /** The selection, or the range that a code action names. */
  async rewrite(argument?: Argument): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor) {
      const range = argument?.range ?? asProtocol(editor.selection);
      await this.#offer(editor, protocol.REWRITE, { range }, (answer) => {
        const rewritten = protocol.asRewritten(answer);
        return rewritten ? [{ range: asRange(rewritten.range), texts: rewritten.texts }] : [];
      });
    }
  }

  /** Has the server look for misspelt names; it shows them as diagnostics, perhaps far from here, and says when there are none. */
  async doubts(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor) {
      const uri = editor.document.uri.toString();
      const params = { command: protocol.FIND_DOUBTS, arguments: [{ textDocument: { uri } }] };
      const answer = await this.#ask('workspace/executeCommand', params, new vscode.CancellationTokenSource().token);
      const count = protocol.asDoubts(answer);
      if (answer === undefined) {
        this.#tell(editor, protocol.silenceOf(answer));
      } else if (count > 0) {
        this.#tell(editor, `${count} ${count === 1 ? 'name' : 'names'} in doubt; F8 goes there`);
      }
    }
  }

  #tell(editor: vscode.TextEditor, text: string): void {
    if (vscode.window.activeTextEditor === editor) {
      this.#notice.show(editor, `Quicksilver: ${text}`);
    }
  }

  async #offer(
    editor: vscode.TextEditor,
    method: string,
    params: object,
    offersOf: (answer: unknown) => readonly Offer[],
  ): Promise<void> {
    this.#asking?.cancel.cancel();
    this.#preview.dismiss();
    this.#notice.clear();
    this.#tokens += 1;
    const cancel = new vscode.CancellationTokenSource();
    const { document } = editor;
    const asking = { token: `${this.#tokens}`, editor, version: document.version, cancel, seq: -1 };
    this.#asking = asking;
    const textDocument = { uri: document.uri.toString(), version: document.version };
    let answer: unknown;
    try {
      answer = await this.#ask(method, { ...params, textDocument, frameToken: asking.token }, cancel.token);
    } catch (error) {
      answer = { silence: { message: error instanceof Error ? error.message : String(error) } };
    }
    if (this.#asking !== asking) {
      return;
    }
    this.#asking = undefined;
    const offers = offersOf(answer);
    if (offers.length > 0 && document.version === asking.version && vscode.window.activeTextEditor === editor) {
      this.#preview.show(editor, offers, true);
    } else {
      this.#preview.dismiss();
      this.#tell(editor, protocol.silenceOf(answer));
    }
  }

  /** Takes in a frame of the request on its way. */
  onFrame(params: unknown): void {
    const asking = this.#asking;
    const frame = protocol.asFillFrame(params);
    if (!asking || !frame || frame.token !== asking.token || frame.seq <= asking.seq) {
      return;
    }
    if (asking.editor.document.version === asking.version && vscode.window.activeTextEditor === asking.editor) {
      asking.seq = frame.seq;
      const offers = frame.holes.map(({ range, runs }) => ({ range: asRange(range), texts: [''], runs }));
      this.#preview.show(asking.editor, offers, false);
    }
  }

  dispose(): void {
    this.#asking?.cancel.cancel();
  }
}

function asRange(range: protocol.Range): vscode.Range {
  return new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character);
}

function asProtocol(range: vscode.Range): protocol.Range {
  const place = ({ line, character }: vscode.Position) => ({ line, character });
  return { start: place(range.start), end: place(range.end) };
}
