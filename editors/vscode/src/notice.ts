/**
 * A few words at the end of the cursor's line, where the user looks, until anything happens or they have been read. Must
 * not know what they say.
 */

import * as vscode from 'vscode';

/** ms that the words stay. */
const STAY_MS = 5000;

export class Notice implements vscode.Disposable {
  readonly #words = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    isWholeLine: true,
  });
  readonly #subscriptions: vscode.Disposable[];
  #editor: vscode.TextEditor | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    const clear = () => this.clear();
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document === this.#editor?.document && contentChanges.length > 0) {
          clear();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(clear),
      vscode.window.onDidChangeActiveTextEditor(clear),
    ];
  }

  show(editor: vscode.TextEditor, text: string): void {
    this.clear();
    this.#editor = editor;
    const contentText = `\u00a0\u00a0${text.replaceAll(' ', '\u00a0')}`;
    const after = { contentText, color: new vscode.ThemeColor('descriptionForeground'), fontStyle: 'italic' };
    const { range } = editor.document.lineAt(editor.selection.active.line);
    editor.setDecorations(this.#words, [{ range, renderOptions: { after } }]);
    this.#timer = setTimeout(() => this.clear(), STAY_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#editor?.setDecorations(this.#words, []);
    this.#editor = undefined;
  }

  dispose(): void {
    this.clear();
    this.#words.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}
