/** The commands, as `package.json` names them. Owns no state. */

import * as vscode from 'vscode';

import * as config from './config.ts';
import type { Ctx } from './ctx.ts';

/** Registers every command. */
export function registerCommands(ctx: Ctx): vscode.Disposable[] {
  const commands: Record<string, (argument?: never) => unknown> = {
    enable: () => config.setEnabled(true),
    disable: () => config.setEnabled(false),
    restart: () => ctx.restart(),
    showLog: () => ctx.log.show(),
    showStatus: () => showStatus(ctx),
    fill: (argument) => ctx.fill.fill(argument),
    rewrite: (argument) => ctx.fill.rewrite(argument),
    doubts: () => ctx.fill.doubts(),
    'preview.accept': () => ctx.preview.accept(),
    'preview.acceptAll': () => ctx.preview.acceptAll(),
    'preview.next': () => ctx.preview.cycle(1),
    'preview.previous': () => ctx.preview.cycle(-1),
    'preview.dismiss': () => ctx.preview.dismiss(),
    // The editor's own: it refetches without taking away what is shown.
    trigger: () => vscode.commands.executeCommand('editor.action.inlineSuggest.trigger'),
  };
  return Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(`quicksilver.${name}`, run));
}

async function showStatus(ctx: Ctx): Promise<void> {
  const enabled = config.isEnabled();
  const actions: (vscode.QuickPickItem & { command: string })[] = [
    enabled
      ? { label: '$(circle-slash) Disable', command: 'quicksilver.disable' }
      : { label: '$(check) Enable', command: 'quicksilver.enable' },
    { label: '$(refresh) Restart the server', command: 'quicksilver.restart' },
    { label: '$(output) Show the log', command: 'quicksilver.showLog' },
    { label: '$(gear) Settings', command: 'quicksilver.openSettings' },
  ];
  const [title = 'Quicksilver', ...state] = ctx.status.report();
  const chosen = await vscode.window.showQuickPick(actions, { title, placeHolder: state.join(' · ') });
  if (chosen?.command === 'quicksilver.openSettings') {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'quicksilver');
  } else if (chosen) {
    await vscode.commands.executeCommand(chosen.command);
  }
}
