/**
 * Shows texts for several places of a document before any is taken: the first line of each as a decoration (the whole
 * of it on hover), and what it would replace struck out. Takes one, or all in one undo step. Must not know the server.
 */

import * as vscode from 'vscode';

import type { Run } from './protocol.ts';
import { runsLine } from './suggestion.ts';

/** The key bindings of the preview hold while this is set. */
const CONTEXT = 'quicksilver.preview';

/** A text for a place. */
export interface Offer {
  readonly range: vscode.Range;
  /** The best first. */
  readonly texts: readonly string[];
  /** While it is being refined: the text with the state of each part. */
  readonly runs?: readonly Run[];
}

/** An offer on show; offsets, because they are easily moved. */
interface Shown {
  start: number;
  end: number;
  readonly texts: readonly string[];
  readonly runs: readonly Run[] | undefined;
  index: number;
}

export class Preview implements vscode.Disposable {
  readonly #ghost = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  readonly #replaced = vscode.window.createTextEditorDecorationType({
    textDecoration: 'line-through',
    opacity: '0.5',
  });
  readonly #subscriptions: vscode.Disposable[];
  #editor: vscode.TextEditor | undefined;
  #version = -1;
  #shown: Shown[] = [];
  #final = false;
  #taking = false;

  constructor() {
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument((event) => {
        const ours = event.document === this.#editor?.document && event.contentChanges.length > 0;
        if (ours && !this.#taking) {
          this.dismiss();
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.dismiss()),
    ];
  }

  /** Shows offers in place of what is shown; only final ones can be taken. */
  show(editor: vscode.TextEditor, offers: readonly Offer[], final: boolean): void {
    if (this.#editor !== editor) {
      this.dismiss();
    }
    this.#editor = editor;
    this.#version = editor.document.version;
    this.#final = final;
    this.#shown = offers.map((offer) => ({
      start: editor.document.offsetAt(offer.range.start),
      end: editor.document.offsetAt(offer.range.end),
      texts: offer.texts,
      runs: offer.runs,
      index: 0,
    }));
    void vscode.commands.executeCommand('setContext', CONTEXT, final && this.#shown.length > 0);
    this.#draw();
  }

  #draw(): void {
    const editor = this.#editor;
    if (!editor) {
      return;
    }
    const at = (offset: number) => editor.document.positionAt(offset);
    const ghosts = this.#shown.map((offer): vscode.DecorationOptions => {
      const text = offer.texts[offer.index] ?? '';
      const runs = offer.runs ?? [{ text, kind: 'committed', confidence: 1 }];
      const hover = new vscode.MarkdownString().appendCodeblock(text, editor.document.languageId);
      return {
        range: new vscode.Range(at(offer.end), at(offer.end)),
        ...(offer.runs ? {} : { hoverMessage: hover }),
        renderOptions: {
          after: {
            contentText: runsLine(runs),
            // Set off from what it replaces.
            margin: offer.end > offer.start ? '0 0 0 1ch' : '0',
            color: new vscode.ThemeColor('editorGhostText.foreground'),
            fontStyle: 'italic',
          },
        },
      };
    });
    editor.setDecorations(this.#ghost, ghosts);
    const replaced = this.#shown.filter((offer) => offer.end > offer.start);
    editor.setDecorations(this.#replaced, replaced.map((offer) => new vscode.Range(at(offer.start), at(offer.end))));
  }

  /** Takes the offer at the cursor, or the next after it; the cursor goes to the one after that. */
  async accept(): Promise<void> {
    const editor = this.#editor;
    if (!editor || !this.#final) {
      return;
    }
    const cursor = editor.document.offsetAt(editor.selection.active);
    const offer = this.#shown.find((shown) => shown.end >= cursor) ?? this.#shown[0];
    if (offer && (await this.#take([offer]))) {
      const next = this.#shown.find((shown) => shown.start > offer.start) ?? this.#shown[0];
      if (next) {
        const place = editor.document.positionAt(next.start);
        editor.selection = new vscode.Selection(place, place);
        editor.revealRange(new vscode.Range(place, place));
      }
    }
  }

  /** Takes all offers, as one undo step. */
  async acceptAll(): Promise<void> {
    if (this.#final) {
      await this.#take([...this.#shown]);
    }
  }

  async #take(offers: readonly Shown[]): Promise<boolean> {
    const editor = this.#editor;
    if (!editor || editor.document.version !== this.#version) {
      this.dismiss();
      return false;
    }
    const { document } = editor;
    const eol = document.eol === vscode.EndOfLine.CRLF ? '\r\n' : '\n';
    const texts = new Map(offers.map((offer) => [offer, (offer.texts[offer.index] ?? '').replaceAll(/\r\n?|\n/g, eol)]));
    this.#taking = true;
    try {
      const done = await editor.edit((edit) => {
        for (const [offer, text] of texts) {
          edit.replace(new vscode.Range(document.positionAt(offer.start), document.positionAt(offer.end)), text);
        }
      });
      if (!done) {
        this.dismiss();
        return false;
      }
    } finally {
      this.#taking = false;
    }
    this.#version = document.version;
    this.#shown = this.#shown.filter((shown) => !texts.has(shown));
    for (const shown of this.#shown) {
      for (const [offer, text] of texts) {
        if (offer.end <= shown.start) {
          const moved = text.length - (offer.end - offer.start);
          shown.start += moved;
          shown.end += moved;
        }
      }
    }
    if (this.#shown.length === 0) {
      this.dismiss();
    } else {
      this.#draw();
    }
    return true;
  }

  /** Shows another text of the offers that have several. */
  cycle(step: number): void {
    for (const shown of this.#shown) {
      shown.index = (shown.index + step + shown.texts.length) % Math.max(1, shown.texts.length);
    }
    this.#draw();
  }

  dismiss(): void {
    this.#shown = [];
    this.#draw();
    this.#editor = undefined;
    void vscode.commands.executeCommand('setContext', CONTEXT, false);
  }

  dispose(): void {
    this.dismiss();
    this.#ghost.dispose();
    this.#replaced.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}
