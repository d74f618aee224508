/**
 * Which of several suggestions shows. The editor can be asked for the next one, but forgets which it was with the next change
 * of the text, and goes on with the first. So the one that the user chose is put first, and stays there while parts of
 * it are accepted or typed. Must not draw, nor ask.
 */

import * as vscode from 'vscode';

import type { Items } from './asked.ts';
import { restOf } from './suggestion.ts';

/** The suggestions for a place, the one that shows first. */
interface List {
  readonly document: vscode.TextDocument;
  readonly version: number;
  readonly position: vscode.Position;
  readonly items: readonly vscode.InlineCompletionItem[];
  /** The first is one that the user chose, so that it counts more than what the server would say now. */
  readonly isChosen: boolean;
}

export class Cycled {
  #list: List | undefined;

  /** The editor has been given `items` for a place. */
  delivered(document: vscode.TextDocument, position: vscode.Position, items: Items): void {
    this.#list = { document, version: document.version, position, items: listOf(items), isChosen: false };
  }

  /** What the user chose for a place, and the others after it; undefined where nothing was chosen. */
  chosen(document: vscode.TextDocument, position: vscode.Position): vscode.InlineCompletionItem[] | undefined {
    return this.#list?.isChosen && this.isAt(document, position) ? [...this.#list.items] : undefined;
  }

  isAt(document: vscode.TextDocument, position: vscode.Position): boolean {
    const list = this.#list;
    return list?.document === document && list.version === document.version && list.position.isEqual(position);
  }

  /** Puts the next one first, or the one before, of those that show or are in `more`; says whether there is another. */
  turn(step: 1 | -1, more: Items): boolean {
    const list = this.#list;
    const first = list?.items[0];
    if (!list || !first) {
      return false;
    }
    // In the order of the server, which knows all of them.
    const known = listOf(more).some((item) => textOf(item) === textOf(first)) ? [] : [first];
    const all = [...known, ...listOf(more)];
    const shown = all.findIndex((item) => textOf(item) === textOf(first));
    const next = (shown + step + all.length) % all.length;
    this.#list = { ...list, items: [...all.slice(next), ...all.slice(0, next)], isChosen: true };
    return all.length > 1;
  }

  /** A document has changed: what was chosen stays while it is what was typed or accepted. */
  changed({ document, contentChanges: [change, ...further] }: vscode.TextDocumentChangeEvent): void {
    const list = this.#list;
    if (document !== list?.document) {
      return;
    }
    this.#list = undefined;
    const [first] = list.items;
    const isNext = further.length === 0 && change?.range.isEmpty && document.version === list.version + 1;
    const rest = first && isNext && change.range.start.isEqual(list.position) && restOf(textOf(first), change.text);
    if (list.isChosen && rest) {
      const position = document.positionAt(document.offsetAt(change.range.start) + change.text.length);
      // It may end with what follows the cursor on its line.
      const end = first.range?.isEmpty === false ? document.lineAt(position.line).range.end : position;
      const item = new vscode.InlineCompletionItem(rest, new vscode.Range(position, end));
      // The server counts what was accepted, whichever it was.
      Object.assign(item, { command: first.command });
      this.#list = { document, version: document.version, position, items: [item], isChosen: true };
    }
  }
}

function listOf(items: Items): readonly vscode.InlineCompletionItem[] {
  return Array.isArray(items) ? items : (items?.items ?? []);
}

function textOf({ insertText }: vscode.InlineCompletionItem): string {
  return typeof insertText === 'string' ? insertText : insertText.value;
}
