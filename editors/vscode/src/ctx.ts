/**
 * Everything mutable of the extension, and its one owner: the client's life, with restarts, and the parts that
 * show it. Must not draw, nor know commands.
 */

import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

import { findBinary } from './binary.ts';
import { ask, learnModel, makeClient, tellDefinitions } from './client.ts';
import * as config from './config.ts';
import { Definitions } from './definitions.ts';
import { Fill } from './fill.ts';
import { Notice } from './notice.ts';
import { Preview } from './preview.ts';
import { FILL_FRAME } from './protocol.ts';
import { Requests } from './request.ts';
import { nextWait } from './restart.ts';
import { Status } from './status.ts';

export class Ctx implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('Quicksilver', { log: true });
  readonly status = new Status();
  readonly definitions = new Definitions();
  readonly preview = new Preview();
  readonly notice = new Notice();
  readonly fill = new Fill(async (method, params, cancel) => {
    const client = this.#client;
    return client?.isRunning() ? await client.sendRequest(method, params, cancel) : undefined;
  }, this.preview, this.notice);
  readonly requests: Requests;
  /** The extension's id. */
  readonly extension: string;
  readonly #folder: string;
  #client: LanguageClient | undefined;
  #deaths: readonly number[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Starts and stops, one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(extension: vscode.Extension<unknown>) {
    this.extension = extension.id;
    this.#folder = extension.extensionPath;
    this.requests = new Requests(extension.id, this.status);
  }

  /** Starts the server, if suggestions are wanted and it does not run. */
  start(): Promise<void> {
    return this.#inTurn(() => this.#start());
  }

  stop(): Promise<void> {
    return this.#inTurn(() => this.#stop());
  }

  /** Stops the server and starts it anew, however often it died. */
  restart(): Promise<void> {
    return this.#inTurn(async () => {
      this.#deaths = [];
      await this.#stop();
      await this.#start();
    });
  }

  /** Tells the server of changed settings. */
  async reconfigure(): Promise<void> {
    this.status.refresh();
    this.checkSettings();
    const settings = { [config.SECTION]: config.serverSettings() };
    if (this.#client?.isRunning()) {
      await this.#client.sendNotification('workspace/didChangeConfiguration', { settings });
    }
  }

  /** Tells of settings that are wrong; each of them has its default. */
  checkSettings(): void {
    const problems = config.problems();
    for (const problem of problems) {
      this.log.warn(`settings: ${problem}`);
    }
    if (problems.length > 0) {
      const open = 'Open Settings';
      void vscode.window.showWarningMessage(`Quicksilver: ${problems.join('; ')}`, open).then((chosen) => {
        if (chosen === open) {
          void vscode.commands.executeCommand('quicksilver.settings');
        }
      });
    }
  }

  /** The executable that the server is, if there is one. */
  binary(): string {
    return findBinary(config.binary(), this.#folder, process.env['PATH'] ?? '').path;
  }

  /** Asks the server anew which model answers. */
  async refreshModel(): Promise<void> {
    if (this.#client?.isRunning()) {
      await learnModel(this.#client, this.status);
    }
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(step).catch((error: unknown) => this.log.error(describe(error)));
    return this.#last;
  }

  async #start(): Promise<void> {
    if (this.#client || !config.isEnabled()) {
      this.status.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.status.setClient('starting');
    let client: LanguageClient;
    try {
      const binary = findBinary(config.binary(), this.#folder, process.env['PATH'] ?? '');
      this.log.info(`server: ${binary.path} (${binary.source})`);
      client = makeClient(binary.path, this.log, {
        requests: this.requests,
        status: this.status,
        onClosed: () => this.#died(client, 'the connection broke off'),
      });
    } catch (error) {
      this.#fail(describe(error));
      return;
    }
    client.onNotification(FILL_FRAME, (params: unknown) => this.fill.onFrame(params));
    this.#client = client;
    const told = JSON.stringify(config.serverSettings());
    try {
      await client.start();
      if (this.#client === client) {
        this.status.setVersion(client.initializeResult?.serverInfo?.version);
        this.status.setClient('running');
        this.requests.setServer((asked, context) => ask(client, asked, context));
        this.definitions.setServer((document, names) => tellDefinitions(client, document, names));
        await learnModel(client, this.status);
        // A change while it started has reached nobody.
        if (JSON.stringify(config.serverSettings()) !== told) {
          await this.reconfigure();
        }
        this.log.info('server: running');
      }
    } catch (error) {
      this.#died(client, describe(error));
    }
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.requests.setServer(undefined);
    this.definitions.setServer(undefined);
    if (client) {
      await client.dispose().catch((error: unknown) => this.log.debug(describe(error)));
    }
    this.status.setClient('stopped');
  }

  /** The server is gone without having been told to. */
  #died(client: LanguageClient, why: string): void {
    if (this.#client !== client) {
      return;
    }
    this.#client = undefined;
    this.requests.setServer(undefined);
    this.definitions.setServer(undefined);
    client.dispose().catch((error: unknown) => this.log.debug(describe(error)));
    const now = Date.now();
    const { wait, recent } = nextWait([...this.#deaths, now], now);
    this.#deaths = recent;
    this.log.warn(`server: ${why}`);
    if (wait === undefined) {
      this.#fail(`the server died ${recent.length} times in 3 minutes (${why})`);
      return;
    }
    this.status.setClient('restarting');
    this.#timer = setTimeout(() => void this.start(), wait);
  }

  #fail(problem: string): void {
    this.log.error(problem);
    this.status.setClient('failed', problem);
    const [showLog, restart] = ['Show Log', 'Restart'];
    void vscode.window.showErrorMessage(`Quicksilver: ${problem}`, showLog, restart).then((chosen) => {
      if (chosen === showLog) {
        this.log.show();
      } else if (chosen === restart) {
        void this.restart();
      }
    });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.definitions.dispose();
    this.requests.dispose();
    this.fill.dispose();
    this.preview.dispose();
    this.notice.dispose();
    this.status.dispose();
    this.log.dispose();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
