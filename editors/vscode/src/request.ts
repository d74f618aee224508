/**
 * When the server is asked, and what its frames and answers put on show: at most one request is on its way. The
 * editor asks for ghost text; it gets the answer if that comes at once, else the span as it stands, and is made to
 * ask again for each later frame, the latest wins, and for the answer. Must not know the server's life.
 */

import * as vscode from 'vscode';

import { Asked, type Items, type Part } from './asked.ts';
import * as config from './config.ts';
import { Cycled } from './cycled.ts';
import { Ghost } from './ghost.ts';
import { type Frame, MAX_FPS } from './protocol.ts';
import type { Status } from './status.ts';
import { frameSteps, frameText } from './suggestion.ts';

const FRAME_MS = 1000 / MAX_FPS;
/** ms that an answer has before the first frame is shown: what comes at once needs no refinement. */
const PATIENCE_MS = 40;

/** Asks the server. */
export type Ask = (asked: Asked, context: vscode.InlineCompletionContext) => Promise<Items>;

export class Requests implements vscode.InlineCompletionItemProvider, vscode.Disposable {
  readonly #status: Status;
  readonly #ghost: Ghost;
  readonly #cycled = new Cycled();
  readonly #subscriptions: vscode.Disposable[];
  #ask: Ask | undefined;
  #asked: Asked | undefined;
  /** The last request, if silence was the answer, or none came because the server died. */
  #silent: Asked | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastDrawn = 0;
  #isDrawing = false;

  /** @param extension the extension's id */
  constructor(extension: string, status: Status) {
    this.#status = status;
    this.#ghost = new Ghost(extension, this);
    this.#subscriptions = [
      vscode.workspace.onDidChangeTextDocument((event) => {
        if (event.contentChanges.length === 0) {
          return;
        }
        this.#cycled.changed(event);
        if (event.document === this.#asked?.document) {
          this.forget();
        }
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor, selections }) => {
        const asked = this.#asked;
        if (asked?.document === textEditor.document && !selections[0]?.active.isEqual(asked.position)) {
          this.forget();
        }
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.forget()),
    ];
  }

  /** @param ask how to ask a server that runs, or undefined when none does */
  setServer(ask: Ask | undefined): void {
    this.#silent = this.#asked ?? this.#silent;
    this.forget();
    this.#ask = ask;
    if (ask) {
      void this.askAgain();
    }
  }

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<Items> {
    const automatic = context.triggerKind === vscode.InlineCompletionTriggerKind.Automatic;
    const here = this.#asked?.isAt(document, position) ? this.#asked : undefined;
    // What the popup menu has selected stands before the span: what was chosen without it does not fit.
    const chosen = context.selectedCompletionInfo ? undefined : this.#cycled.chosen(document, position);
    if (!this.#ask || config.reasonOff(document) || (automatic && !here && !chosen && !config.automatic(document))) {
      return [];
    }
    if (chosen) {
      return chosen;
    }
    const asked = here ?? this.#begin(this.#ask, new Asked(document, position), context);
    const items = await asked.items(token, config.maskGlyph());
    if (token.isCancellationRequested && !asked.isShown && this.#asked === asked) {
      this.forget();
    } else if (asked.isDelivered && this.#asked === asked && !asked.accepted) {
      this.#cycled.delivered(document, position, context.selectedCompletionInfo ? [] : items);
      this.#end();
    } else if (asked.isShown && asked.frame) {
      void vscode.commands.executeCommand('setContext', 'quicksilver.refining', true);
      this.#status.setSteps(frameSteps(asked.frame));
    }
    return items;
  }

  #begin(ask: Ask, asked: Asked, context: vscode.InlineCompletionContext): Asked {
    this.forget();
    this.#asked = asked;
    this.#silent = undefined;
    // What the popup menu has selected stands before the span: only the answer knows how.
    const isPlain = context.selectedCompletionInfo === undefined;
    ask(asked, context).then(
      (items) => this.#answered(asked, items),
      () => this.#answered(asked, []),
    );
    if (isPlain && config.refinement() !== 'off') {
      this.#timer = setTimeout(() => this.#patienceIsOver(asked), PATIENCE_MS);
    }
    return asked;
  }

  #patienceIsOver(asked: Asked): void {
    this.#timer = undefined;
    if (asked.frame) {
      this.#lastDrawn = Date.now();
      asked.beReady();
    } else {
      this.#timer = setTimeout(() => this.#patienceIsOver(asked), FRAME_MS);
    }
  }

  #answered(asked: Asked, items: Items): void {
    if (this.#asked !== asked) {
      return;
    }
    asked.answer = { items };
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (isEmpty(items)) {
      this.#silent = asked;
    } else {
      this.#status.clearDocument(asked.document.uri);
    }
    this.#status.setAnswer(Date.now() - asked.started, !isEmpty(items));
    if (asked.isShown) {
      void this.#draw(asked);
    } else {
      asked.beReady();
    }
  }

  /** Takes in a frame: of the request on its way, and newer than the last, or it is dropped. */
  onFrame(frame: Frame, uri: vscode.Uri): void {
    const asked = this.#asked;
    const isOne = frame.state === 'denoising' && frameText(frame, ' ') !== '';
    if (!asked || !isOne || !asked.takes(frame, uri) || config.refinement() === 'off') {
      return;
    }
    if (asked.isShown && config.refinement() === 'first') {
      return;
    }
    asked.frame = frame;
    if (asked.isShown) {
      const wait = Math.max(0, FRAME_MS - (Date.now() - this.#lastDrawn));
      this.#timer ??= setTimeout(() => void this.#draw(asked), wait);
    }
  }

  /** Has the editor ask again; what is new by the time it does so wins. */
  async #draw(asked: Asked): Promise<void> {
    this.#timer = undefined;
    if (this.#isDrawing || this.#asked !== asked) {
      return;
    }
    this.#isDrawing = true;
    try {
      this.#lastDrawn = Date.now();
      const isLast = asked.answer !== undefined;
      await this.#ghost.redraw();
      if (isLast && !asked.isDelivered && this.#asked === asked) {
        await this.#ghost.drawAnew();
      }
    } finally {
      this.#isDrawing = false;
    }
    if (this.#asked !== asked) {
      return;
    }
    if (asked.isDelivered) {
      this.#end();
      await accept(isEmpty(asked.answer?.items) ? undefined : asked.accepted);
    } else if (asked.answer || asked.shownSeq < (asked.frame?.seq ?? -1)) {
      await this.#draw(asked);
    }
  }

  /** The user accepts a span that is still being refined: that waits for the answer. */
  acceptWhenDone(part: Part): void {
    if (this.#asked) {
      this.#asked.accepted = part;
    }
  }

  /** The user wants to see another suggestion: the next one, or the one before. */
  async cycle(step: 1 | -1): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const { document, selection } = editor ?? {};
    if (document && selection && this.#ask && this.#cycled.isAt(document, selection.active)) {
      // Asked by hand, the server says all that it has.
      const context = { triggerKind: vscode.InlineCompletionTriggerKind.Invoke, selectedCompletionInfo: undefined };
      const more = await this.#ask(new Asked(document, selection.active), context).catch(() => undefined);
      if (this.#cycled.isAt(document, selection.active) && this.#cycled.turn(step, more)) {
        await this.#ghost.redraw();
        return;
      }
    }
    // It may be another extension's.
    await vscode.commands.executeCommand(`editor.action.inlineSuggest.${step === 1 ? 'showNext' : 'showPrevious'}`);
  }

  /** The user asks by hand; says whether there is nothing to show. */
  async trigger(): Promise<boolean> {
    // The editor's own: it asks again without taking away what is shown.
    await vscode.commands.executeCommand('editor.action.inlineSuggest.trigger');
    const editor = vscode.window.activeTextEditor;
    const isOff = editor && (!this.#ask || config.reasonOff(editor.document) !== undefined);
    return Boolean(isOff || (editor && this.#silent?.isAt(editor.document, editor.selection.active)));
  }

  /** The user wants none here. */
  async dismiss(): Promise<void> {
    this.forget();
    await this.#ghost.hide();
  }

  /** The server's own trouble is over: asks again where silence was the answer. */
  async askAgain(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor && this.#silent?.isAt(editor.document, editor.selection.active)) {
      await this.#ghost.redraw();
    }
  }

  /** Gives up the request on its way. */
  forget(): void {
    this.#asked?.source.cancel();
    this.#asked?.beReady();
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#asked?.isShown) {
      void vscode.commands.executeCommand('setContext', 'quicksilver.refining', false);
    }
    this.#asked = undefined;
    this.#status.setSteps(undefined);
  }

  dispose(): void {
    this.forget();
    this.#ghost.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}

const ACCEPT: Record<Part, string> = {
  all: 'editor.action.inlineSuggest.commit',
  word: 'editor.action.inlineSuggest.acceptNextWord',
  line: 'editor.action.inlineSuggest.acceptNextLine',
};

async function accept(part: Part | undefined): Promise<void> {
  if (part) {
    await vscode.commands.executeCommand(ACCEPT[part]);
  }
}

function isEmpty(answer: Items): boolean {
  return (Array.isArray(answer) ? answer : (answer?.items ?? [])).length === 0;
}
