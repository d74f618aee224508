/** The commands, as `package.json` names them, and the menu of the status bar. Owns no state. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as vscode from 'vscode';

import { acceptedFrame, type Inserted, type Part } from './asked.ts';
import * as config from './config.ts';
import type { Ctx } from './ctx.ts';
import { EMBEDDED, type Listed, listed } from './models.ts';

/** Registers every command. */
export function registerCommands(ctx: Ctx): vscode.Disposable[] {
  const commands: Record<string, (...args: never[]) => unknown> = {
    enable: () => config.setEnabled(true),
    disable: () => config.setEnabled(false),
    toggle: () => config.setEnabled(!config.isEnabled()),
    toggleLanguage: () => toggleLanguage(),
    restart: () => ctx.restart(),
    fill: (argument) => ctx.fill.fill(argument),
    rewrite: (argument) => ctx.fill.rewrite(argument),
    doubts: () => ctx.fill.doubts(),
    takeText: () => ctx.preview.accept(),
    takeAll: () => ctx.preview.acceptAll(),
    nextText: () => ctx.preview.cycle(1),
    previousText: () => ctx.preview.cycle(-1),
    dismissTexts: () => ctx.preview.dismiss(),
    status: () => showMenu(ctx),
    why: () => why(ctx),
    log: () => ctx.log.show(),
    model: () => chooseModel(ctx),
    settings: () => vscode.commands.executeCommand('workbench.action.openSettings', 'quicksilver'),
    walkthrough: () => ctx.status.retell(() => openWalkthrough(ctx)),
    trigger: () => trigger(ctx),
    next: () => ctx.requests.cycle(1),
    previous: () => ctx.requests.cycle(-1),
    dismiss: () => ctx.requests.dismiss(),
    acceptWhenDone: (part?: Part) => ctx.requests.acceptWhenDone(part ?? 'all'),
    acceptedFrame: (inserted: Inserted) => acceptedFrame(inserted),
  };
  return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`quicksilver.${name}`, run));
}

interface Action extends vscode.QuickPickItem {
  readonly command?: string;
}

async function showMenu(ctx: Ctx): Promise<void> {
  await ctx.refreshModel();
  const document = vscode.window.activeTextEditor?.document;
  const actions: Action[] = [
    config.isEnabled()
      ? { label: '$(circle-slash) Disable', description: 'everywhere; the server stops', command: 'disable' }
      : { label: '$(check) Enable', description: 'everywhere', command: 'enable' },
  ];
  if (document) {
    const verb = config.isLanguageEnabled(document) ? '$(circle-slash) Disable' : '$(check) Enable';
    actions.push({ label: `${verb} for ${config.nameOfLanguage(document)}`, command: 'toggleLanguage' });
  }
  const reason = ctx.status.reason();
  actions.push(
    { label: '$(question) Why does nothing show here?', description: reason ?? 'nothing prevents it', command: 'why' },
    { label: '$(symbol-misc) Choose the model', description: config.model() || 'embedded', command: 'model' },
    { label: 'engine', kind: vscode.QuickPickItemKind.Separator },
    { label: '$(refresh) Restart the server and its engine', command: 'restart' },
    { label: '$(output) Show the log', command: 'log' },
    { label: '$(gear) Settings', command: 'settings' },
    { label: '$(book) First steps', command: 'walkthrough' },
  );
  // Two entries of the menu say what happens here and whether anything runs; a longer line would be cut off.
  const [title = 'Quicksilver', ...state] = ctx.status.report().filter((line) => !/^(here|server: running)/.test(line));
  const chosen = await vscode.window.showQuickPick(actions, { title, placeHolder: state.join(' · ') });
  if (chosen?.command) {
    await vscode.commands.executeCommand(`quicksilver.${chosen.command}`);
  }
}

function openWalkthrough(ctx: Ctx): Thenable<unknown> {
  return vscode.commands.executeCommand('workbench.action.openWalkthrough', `${ctx.extension}#start`, false);
}

async function toggleLanguage(): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  if (document) {
    await config.setLanguageEnabled(document.languageId, !config.isLanguageEnabled(document));
  }
}

/** Asks by hand; who does that is told why nothing shows. */
async function trigger(ctx: Ctx): Promise<void> {
  ctx.notice.clear();
  const isSilent = await ctx.requests.trigger();
  const editor = vscode.window.activeTextEditor;
  if (editor && isSilent) {
    ctx.notice.show(editor, `Quicksilver: ${ctx.status.reason() ?? 'nothing to suggest here'}`);
  }
}

/** Says why nothing shows here, and offers what helps. */
async function why(ctx: Ctx): Promise<void> {
  const reason = ctx.status.reason();
  const message = reason === undefined ? 'Nothing keeps suggestions from showing here.' : `Nothing shows here: ${reason}.`;
  const [ask, log] = ['Ask Now', 'Show Log'];
  const chosen = await vscode.window.showInformationMessage(message, ask, log);
  if (chosen === ask) {
    await vscode.commands.executeCommand('quicksilver.trigger');
  } else if (chosen === log) {
    ctx.log.show();
  }
}

interface ModelItem extends vscode.QuickPickItem {
  readonly model?: Listed;
}

/** Lets the user choose among the models that are on this machine, or name a folder; says how to get another. */
async function chooseModel(ctx: Ctx): Promise<void> {
  const { stdout } = await promisify(execFile)(ctx.binary(), ['model', 'list', '--json'], { timeout: 10_000 });
  const models = listed(stdout);
  const item = (model: Listed): ModelItem => ({ label: model.id, description: model.about, model });
  const folder: ModelItem = { label: '$(folder) A folder…' };
  const others: ModelItem = { label: 'not on this machine', kind: vscode.QuickPickItemKind.Separator };
  const [here, elsewhere] = [models.filter(({ isHere }) => isHere), models.filter(({ isHere }) => !isHere)];
  const items = [...here.map(item), folder, others, ...elsewhere.map(item)];
  const chosen = await vscode.window.showQuickPick(items, { title: 'Model' });
  if (chosen === folder) {
    const picked = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false });
    if (picked?.[0]) {
      await config.setModel(picked[0].fsPath);
    }
  } else if (chosen?.model?.isHere) {
    await config.setModel(chosen.model.id === EMBEDDED ? '' : chosen.model.id);
  } else if (chosen?.model) {
    const pull = `"${ctx.binary()}" model pull ${chosen.model.id}`;
    const copy = 'Copy';
    const wanted = await vscode.window.showInformationMessage(`${chosen.model.id} is not on this machine. In a terminal: ${pull}`, copy);
    if (wanted === copy) {
      await vscode.env.clipboard.writeText(pull);
    }
  }
}
