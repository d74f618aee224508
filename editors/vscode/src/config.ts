/** The settings, and whether a document wants suggestions. Must not know the server or the screen. */

import * as vscode from 'vscode';

export const SECTION = 'quicksilver';

/** Settings that the server is started with, so that a change needs a restart. */
const NEEDS_RESTART = ['enabled', 'binary', 'frames', 'model', 'device', 'endpoint', 'keyFile'];

function read<T>(name: string, fallback: T, scope?: vscode.ConfigurationScope): T {
  return vscode.workspace.getConfiguration(SECTION, scope).get<T>(name) ?? fallback;
}

export function isEnabled(): boolean {
  return read('enabled', true);
}

export async function setEnabled(enabled: boolean): Promise<void> {
  const target = vscode.ConfigurationTarget.Global;
  await vscode.workspace.getConfiguration(SECTION).update('enabled', enabled, target);
}

/** Path of the executable; empty: not set. */
export function binary(): string {
  return read('binary', '').trim();
}

/** Whether the span is shown while it is refined. */
export function frames(): boolean {
  return read('frames', true);
}

/** Whether to ask while the user types in `document`. */
export function automatic(document: vscode.TextDocument): boolean {
  return read('automatic', true, document);
}

/** What the server gets as its settings. Those of scope `machine` are left out where they are not set. */
export function serverSettings(): Record<string, unknown> {
  const settings: Record<string, unknown> = {
    enable: isEnabled(),
    disabledLanguages: read<string[]>('disabledLanguages', []),
    deadlineMs: read('deadlineMs', 2000),
    showUnsure: read('showUnsure', false),
  };
  for (const name of ['model', 'device', 'endpoint', 'keyFile']) {
    const value = read(name, '').trim();
    if (value !== '') {
      settings[name] = value;
    }
  }
  return settings;
}

/** Why `document` gets no suggestions by the user's own settings, or undefined when it does. */
export function reasonOff(document: vscode.TextDocument): string | undefined {
  if (!isEnabled()) {
    return 'disabled';
  }
  if (document.uri.scheme !== 'file' && document.uri.scheme !== 'untitled') {
    return 'not a file';
  }
  if (read<string[]>('disabledLanguages', [], document).includes(document.languageId)) {
    return `disabled for language "${document.languageId}"`;
  }
  return undefined;
}

/** Whether the change calls for a new start of the server. */
export function needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
  return NEEDS_RESTART.some((name) => event.affectsConfiguration(`${SECTION}.${name}`));
}
