/**
 * Where names near the cursor are defined, as the language's own server says: asked when the cursor rests, and told to
 * ours, which reads and judges what stands there. Must not know suggestions; none waits for this.
 */

import * as vscode from 'vscode';

import * as config from './config.ts';
import { namesNear } from './names.ts';

/** ms without a move after which the cursor rests, and that all answers together have. */
const REST_MS = 150;
const LIMIT_MS = 200;
/** Places of one name that are passed on. */
const MOST_PLACES = 4;

/** Where a name is defined. */
export interface Defined {
  readonly name: string;
  readonly locations: readonly vscode.Location[];
}

/** Tells the server. */
export type Tell = (document: vscode.TextDocument, names: readonly Defined[]) => void;

export class Definitions implements vscode.Disposable {
  readonly #subscriptions: vscode.Disposable[];
  #tell: Tell | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Rises with each move: what was asked before is of no use. */
  #moves = 0;
  /** What is known of one text. */
  #known = { document: '', names: new Map<string, readonly vscode.Location[]>() };
  /** What was told last; empty: nothing. */
  #told = '';

  constructor() {
    this.#subscriptions = [
      vscode.window.onDidChangeTextEditorSelection(() => this.#moved()),
      vscode.window.onDidChangeActiveTextEditor(() => this.#moved()),
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (document === vscode.window.activeTextEditor?.document) {
          this.#moved();
        }
      }),
    ];
  }

  /** @param tell how to tell a server that runs, or undefined when none does */
  setServer(tell: Tell | undefined): void {
    this.#tell = tell;
    this.#told = '';
    this.#moved();
  }

  #moved(): void {
    this.#moves += 1;
    clearTimeout(this.#timer);
    if (this.#tell) {
      this.#timer = setTimeout(() => void this.#ask(), REST_MS);
    }
  }

  async #ask(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (!editor || !this.#tell || editor.document.uri.scheme !== 'file' || config.reasonOff(editor.document)) {
      return;
    }
    const { document, selection } = editor;
    if (!config.definitions(document)) {
      if (this.#told !== '') {
        this.#told = '';
        this.#tell(document, []);
      }
      return;
    }
    const { line, character } = selection.active;
    const { version } = document;
    const moves = this.#moves;
    const isOf = () => moves === this.#moves && document.version === version;
    const key = `${version} ${document.uri.toString()}`;
    if (this.#known.document !== key) {
      this.#known = { document: key, names: new Map() };
    }
    const known = this.#known.names;
    const above = line > 0 ? document.lineAt(line - 1).text : '';
    const near = namesNear(document.lineAt(line).text, above, character);
    const asking = near.filter(({ name }) => !known.has(name)).map(async (it) => {
      const at = new vscode.Position(line - it.above, it.character);
      const answer = await vscode.commands
        .executeCommand<(vscode.Location | vscode.LocationLink)[] | undefined>('vscode.executeDefinitionProvider', document.uri, at)
        .then(undefined, () => undefined);
      if (answer) {
        known.set(it.name, elsewhere(document, answer));
      }
    });
    let limit: NodeJS.Timeout | undefined;
    await Promise.race([Promise.all(asking), new Promise((wake) => (limit = setTimeout(wake, LIMIT_MS)))]);
    clearTimeout(limit);
    if (!isOf()) {
      return;
    }
    const names = near.map(({ name }) => ({ name, locations: known.get(name) ?? [] })).filter(({ locations }) => locations.length > 0);
    const now = JSON.stringify([document.uri, names]);
    if (now !== this.#told && (names.length > 0 || this.#told !== '')) {
      this.#told = names.length > 0 ? now : '';
      this.#tell?.(document, names);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}

/** The places that an answer names in other documents. */
function elsewhere(document: vscode.TextDocument, answer: readonly (vscode.Location | vscode.LocationLink)[]): vscode.Location[] {
  const places = answer.map((it) =>
    'targetUri' in it ? new vscode.Location(it.targetUri, it.targetSelectionRange ?? it.targetRange) : it,
  );
  return places.filter(({ uri }) => uri.scheme === 'file' && uri.toString() !== document.uri.toString()).slice(0, MOST_PLACES);
}
