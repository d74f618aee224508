/**
 * Draws the first line of the span while it is being refined, as a decoration at the cursor; the answer's own
 * ghost text, which can be accepted, takes its place. Must not know the server's life.
 */

import * as vscode from 'vscode';

import { type Frame, MAX_FPS } from './protocol.ts';
import { frameLine } from './suggestion.ts';

const FRAME_MS = 1000 / MAX_FPS;
/** Opacity of a line that is all masks; decided text is opaque. */
const FAINTEST = 0.45;

/** A request on its way. */
export interface Asked {
  readonly document: vscode.TextDocument;
  readonly position: vscode.Position;
  readonly version: number;
}

export class Ghost implements vscode.Disposable {
  readonly #decoration = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  readonly #subscriptions: vscode.Disposable[];
  readonly #onSteps: (steps: string | undefined) => void;
  #asked: Asked | undefined;
  #waiting: Frame | undefined;
  #seq = -1;
  #lastDrawn = 0;
  #timer: NodeJS.Timeout | undefined;
  #drawnIn: vscode.TextEditor | undefined;

  /** @param onSteps told "3/8" while a span is refined, and undefined when none is */
  constructor(onSteps: (steps: string | undefined) => void) {
    this.#onSteps = onSteps;
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.contentChanges.length > 0 && event.document === this.#drawnIn?.document) {
          this.#erase();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection((event) => {
        const moved = !this.#asked || !event.selections[0]?.active.isEqual(this.#asked.position);
        if (event.textEditor === this.#drawnIn && moved) {
          this.#erase();
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.#erase()),
    ];
  }

  /** A request sets out: frames for it may come. */
  begin(asked: Asked): void {
    this.#asked = asked;
    this.#seq = -1;
  }

  /** Its answer is here: the decoration makes room for the real ghost text. */
  end(asked: Asked): void {
    if (this.#asked === asked) {
      this.#asked = undefined;
      this.#erase();
    }
  }

  /** Takes in a frame: of the request on its way, and newer than the last, or it is dropped. */
  onFrame(frame: Frame, uri: vscode.Uri): void {
    const asked = this.#asked;
    if (!asked || frame.state !== 'denoising' || frame.seq <= this.#seq || !fits(frame, uri, asked)) {
      return;
    }
    this.#seq = frame.seq;
    this.#waiting = frame;
    const wait = Math.max(0, FRAME_MS - (Date.now() - this.#lastDrawn));
    this.#timer ??= setTimeout(() => this.#draw(), wait);
  }

  #draw(): void {
    this.#timer = undefined;
    const asked = this.#asked;
    const frame = this.#waiting;
    const editor = vscode.window.activeTextEditor;
    this.#waiting = undefined;
    if (!asked || !frame || editor?.document !== asked.document || asked.document.version !== asked.version) {
      return;
    }
    if (!editor.selection.isEmpty || !editor.selection.active.isEqual(asked.position)) {
      return;
    }
    const line = frameLine(frame);
    this.#lastDrawn = Date.now();
    this.#drawnIn = editor;
    this.#onSteps(frame.steps === undefined ? `${frame.step}` : `${frame.step}/${frame.steps}`);
    const opacity = FAINTEST + (1 - FAINTEST) * line.decided;
    editor.setDecorations(this.#decoration, [
      {
        range: new vscode.Range(asked.position, asked.position),
        renderOptions: {
          after: {
            contentText: line.text,
            color: new vscode.ThemeColor('editorGhostText.foreground'),
            fontStyle: 'italic',
            textDecoration: `none; opacity: ${opacity.toFixed(2)}`,
          },
        },
      },
    ]);
  }

  #erase(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = undefined;
    this.#drawnIn?.setDecorations(this.#decoration, []);
    this.#drawnIn = undefined;
    this.#onSteps(undefined);
  }

  dispose(): void {
    this.#erase();
    this.#decoration.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}

function fits(frame: Frame, uri: vscode.Uri, asked: Asked): boolean {
  const { line, character } = frame.position;
  return (
    uri.toString() === asked.document.uri.toString() &&
    frame.version === asked.version &&
    line === asked.position.line &&
    character === asked.position.character
  );
}
