/**
 * What the user is told in the status bar: whether the server runs, what it does, and why nothing shows. Must not
 * start or ask anything.
 */

import * as vscode from 'vscode';

import { isEnabled, reasonOff, SCHEMES } from './config.ts';
import type { Model, ServerStatus } from './protocol.ts';

export type ClientState = 'stopped' | 'starting' | 'running' | 'restarting' | 'failed';

export class Status implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: vscode.Disposable[];
  readonly #documents = new Map<string, ServerStatus>();
  #client: ClientState = 'stopped';
  #problem: string | undefined;
  #server: ServerStatus | undefined;
  #version: string | undefined;
  #steps: string | undefined;
  #model: Model | undefined;
  /** ms of the latest answers, the newest last. */
  #answers: readonly number[] = [];
  /** Which of the first steps are done. */
  readonly #done = new Map<string, boolean>();
  #shown = 0;
  #accepted = 0;

  constructor() {
    this.#item = vscode.window.createStatusBarItem('quicksilver.status', vscode.StatusBarAlignment.Right, 100);
    this.#item.name = 'Quicksilver';
    this.#item.command = 'quicksilver.status';
    this.#subscriptions = [
      vscode.window.onDidChangeActiveTextEditor(() => this.#draw()),
      vscode.workspace.onDidCloseTextDocument((document) => this.#documents.delete(document.uri.toString())),
    ];
    this.#draw();
    this.#item.show();
  }

  /** @param problem why it failed, and what to do */
  setClient(state: ClientState, problem?: string): void {
    this.#client = state;
    this.#problem = problem;
    if (state !== 'running') {
      this.#server = undefined;
      this.#steps = undefined;
      this.#model = undefined;
      this.#documents.clear();
    }
    this.#progress('running', state === 'running');
    this.#draw();
  }

  /**
   * Takes in the server's own status; says whether a trouble of its own is over.
   * @param uri that of the editor's document, where the status speaks of one
   */
  setServer(status: ServerStatus, uri: vscode.Uri | undefined): boolean {
    const spoke = (this.#server?.message ?? '') !== '';
    if (uri) {
      this.#documents.set(uri.toString(), status);
    } else {
      this.#server = status;
    }
    this.#draw();
    return !uri && spoke && status.message === '';
  }

  /** A suggestion came for the document: what was said of it before is no longer so. */
  clearDocument(uri: vscode.Uri): void {
    if (this.#documents.delete(uri.toString())) {
      this.#draw();
    }
  }

  setVersion(version: string | undefined): void {
    this.#version = version;
  }

  /** @param steps "3/8", or undefined when nothing is being refined */
  setSteps(steps: string | undefined): void {
    if (this.#steps !== steps) {
      this.#steps = steps;
      this.#draw();
    }
  }

  /** @param model what answers, or undefined when none is ready */
  setModel(model: Model | undefined): void {
    this.#model = model;
    this.#draw();
  }

  /** An answer came after `ms`; `shown`: there was something to show. */
  setAnswer(ms: number, shown: boolean): void {
    this.#answers = [...this.#answers.slice(1 - LATEST), ms];
    if (shown) {
      this.#shown += 1;
      this.#progress('shown', true);
    }
    this.#draw();
  }

  /** A suggestion was accepted. */
  countAccepted(): void {
    this.#accepted += 1;
    this.#progress('accepted', true);
    this.#draw();
  }

  #progress(step: string, done: boolean): void {
    this.#done.set(step, done);
    void setContext(step, done);
  }

  /**
   * Opens the first steps by `open`. The editor ticks off what comes true while they are open, not what is true
   * already: so that is said again.
   */
  async retell(open: () => Thenable<unknown>): Promise<void> {
    await Promise.all([...this.#done.keys()].map((step) => setContext(step, false)));
    await open();
    await Promise.all([...this.#done].map(([step, done]) => setContext(step, done)));
  }

  /** The settings have changed, and with them perhaps the reason for silence. */
  refresh(): void {
    this.#draw();
  }

  /** Why nothing shows in the active editor, or undefined when suggestions can come. */
  reason(): string | undefined {
    const document = vscode.window.activeTextEditor?.document;
    const off = document && reasonOff(document);
    if (off !== undefined) {
      return off;
    }
    if (this.#client === 'failed') {
      return this.#problem ?? 'the server failed';
    }
    if (this.#client !== 'running') {
      return this.#client === 'stopped' ? 'the server is not running' : `the server is ${this.#client}`;
    }
    const here = document && this.#documents.get(document.uri.toString());
    for (const status of [here, this.#server]) {
      if (status && status.message !== '' && (status.kind !== 'Normal' || status.busy)) {
        return status.message;
      }
    }
    // A document's status of kind Normal still says why the last request was met with silence.
    return here?.message || undefined;
  }

  /**
   * Whether the reason for silence holds for the whole file, so that there is room for it. One that holds for this
   * place only is left to the icon and the tooltip: beside them nothing moves while the user types. Nobody expects
   * suggestions in a log.
   */
  #isLasting(): boolean {
    const document = vscode.window.activeTextEditor?.document;
    if (document && reasonOff(document) !== undefined) {
      return SCHEMES.includes(document.uri.scheme) || !isEnabled();
    }
    const here = document && this.#documents.get(document.uri.toString());
    return this.#client === 'running' && [here, this.#server].some((status) => status && status.message !== '' && status.kind !== 'Normal');
  }

  /** The whole state in a few lines. */
  report(): string[] {
    const lines = [`Quicksilver ${this.#version ?? '(version unknown)'}`, `server: ${this.#client}`];
    if (this.#server?.message) {
      lines.push(`says: ${this.#server.message}`);
    }
    if (this.#model) {
      lines.push(`model: ${this.#model.model} on ${this.#model.device}`);
    }
    lines.push(`here: ${this.reason() ?? (this.#steps === undefined ? 'ready' : `refining, step ${this.#steps}`)}`);
    const last = this.#answers.at(-1);
    if (last !== undefined) {
      const middle = [...this.#answers].sort((a, b) => a - b)[this.#answers.length >> 1] ?? last;
      lines.push(`last answer: ${last} ms (median of ${this.#answers.length}: ${middle} ms)`);
      lines.push(`shown ${this.#shown}, accepted ${this.#accepted}`);
    }
    return lines;
  }

  #draw(): void {
    const reason = this.reason();
    const failed = this.#client === 'failed';
    const isStarting = this.#client === 'starting' || this.#client === 'restarting';
    const icon = failed ? 'error' : isStarting ? 'loading~spin' : this.#steps === undefined && reason !== undefined ? 'circle-slash' : 'sparkle';
    const last = this.#answers.at(-1);
    const time = last === undefined ? '' : ` ${padded(last)} ms`;
    const detail = this.#isLasting() ? `: ${shorten(reason ?? '')}` : failed || isStarting ? '' : time;
    this.#item.text = `$(${icon}) Quicksilver${detail}`;
    this.#item.backgroundColor = failed ? new vscode.ThemeColor('statusBarItem.errorBackground') : undefined;
    this.#item.tooltip = this.report().join('\n');
    this.#item.accessibilityInformation = { label: `Quicksilver: ${reason ?? 'ready'}` };
  }

  dispose(): void {
    this.#item.dispose();
    for (const subscription of this.#subscriptions) {
      subscription.dispose();
    }
  }
}

/** So many answers are looked back on. */
const LATEST = 20;

function setContext(name: string, value: boolean): Thenable<void> {
  return vscode.commands.executeCommand('setContext', `quicksilver.${name}`, value);
}

/** Characters of a reason that the status bar has room for; the tooltip has all of it. */
const MAX_REASON = 40;

/** As wide as any other time up to 10 s: a figure space is as wide as a digit. */
function padded(ms: number): string {
  return String(ms).padStart(4, '\u2007');
}

function shorten(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON - 1)}…` : reason;
}
