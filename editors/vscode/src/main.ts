/** Where the editor enters and leaves the extension. All else lives in the parts. */

import * as vscode from 'vscode';

import { registerCommands } from './commands.ts';
import * as config from './config.ts';
import { Ctx } from './ctx.ts';

let ctx: Ctx | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  config.learn(context.extension.packageJSON);
  const started = new Ctx(context.extension);
  ctx = started;
  context.subscriptions.push(
    started,
    ...registerCommands(started),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (config.needsRestart(event)) {
        started.checkSettings();
        void started.restart();
      } else if (event.affectsConfiguration(config.SECTION)) {
        void started.reconfigure();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void started.restart()),
  );
  started.checkSettings();
  await started.start();
}

export async function deactivate(): Promise<void> {
  await ctx?.stop();
}
