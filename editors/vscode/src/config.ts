/**
 * The settings in force, whether a document wants suggestions, and what the server is told of its editor. Must not
 * know the server or the screen.
 */

import * as vscode from 'vscode';

import { type Contribution, languageName } from './languages.ts';
import type { Circumstances } from './protocol.ts';
import { complaint, complaints, EDITOR_ONLY, type Schema } from './settings.ts';

export const SECTION = 'quicksilver';

/** Where suggestions are made: files, what is no file yet, and the cells of notebooks. */
export const SCHEMES: readonly string[] = ['file', 'untitled', 'vscode-notebook-cell'];

/** Settings that the server is started with, so that a change needs a restart. */
const NEEDS_RESTART = ['enable', 'binary', 'refinement', 'model', 'device', 'weights', 'vicinity', 'endpoint', 'keyFile'];

let schemas: Readonly<Record<string, Schema>> = {};

/** Takes in what `package.json` says of the settings. */
export function learn(packageJSON: { contributes: { configuration: { properties: Record<string, Schema> } } }): void {
  schemas = packageJSON.contributes.configuration.properties;
}

/** A setting's value; its default, where what is set is wrong. */
function read<T>(name: string, scope?: vscode.ConfigurationScope): T {
  const value = vscode.workspace.getConfiguration(SECTION, scope ?? null).get(name);
  const schema = schemas[`${SECTION}.${name}`];
  return (schema && complaint(schema, value) !== undefined ? schema.default : value) as T;
}

/** What is wrong with the settings, one sentence for each. */
export function problems(): string[] {
  const configuration = vscode.workspace.getConfiguration();
  return complaints(schemas, (name) => configuration.get(name));
}

/** Whether suggestions are wanted at all. */
export function isEnabled(): boolean {
  return read<boolean>('enable');
}

export async function setEnabled(enable: boolean): Promise<void> {
  await vscode.workspace.getConfiguration(SECTION).update('enable', enable, vscode.ConfigurationTarget.Global);
}

/** Whether suggestions are wanted in documents of this language, as far as the user has said so. */
export function isLanguageEnabled(document: vscode.TextDocument): boolean {
  const listed = read<string[]>('disabledLanguages').includes(document.languageId);
  return !listed && read<boolean>('enable', document);
}

/** What the user calls the document's language. */
export function nameOfLanguage({ languageId }: vscode.TextDocument): string {
  const contributions = vscode.extensions.all.flatMap((extension): Contribution[] => {
    const languages: unknown = extension.packageJSON?.contributes?.languages;
    return Array.isArray(languages) ? languages : [];
  });
  return languageName(languageId, contributions);
}

/** Puts a language on the list of those without suggestions, or takes it off. */
export async function setLanguageEnabled(language: string, enable: boolean): Promise<void> {
  const others = read<string[]>('disabledLanguages').filter((name) => name !== language);
  const list = enable ? others : [...others, language];
  const configuration = vscode.workspace.getConfiguration(SECTION);
  await configuration.update('disabledLanguages', list, vscode.ConfigurationTarget.Global);
}

/** Path of the executable; empty: not set. */
export function binary(): string {
  return read<string>('binary').trim();
}

/** How much is shown of a span while it is refined. */
export function refinement(): 'off' | 'first' | 'full' {
  return read('refinement');
}

export function maskGlyph(): string {
  return read('maskGlyph');
}

/** Whether to ask while the user types in `document`. */
export function automatic(document: vscode.TextDocument): boolean {
  return read('automatic', document);
}

/** Whether to ask where the names in `document` are defined. */
export function definitions(document: vscode.TextDocument): boolean {
  return read('definitions', document);
}

/** The model's name or folder; empty: the embedded one. */
export function model(): string {
  return read<string>('model').trim();
}

export async function setModel(name: string): Promise<void> {
  const value = name === '' ? undefined : name;
  await vscode.workspace.getConfiguration(SECTION).update('model', value, vscode.ConfigurationTarget.Global);
}

/** What the server gets as its settings. Texts that are not set are left out. */
export function serverSettings(): Record<string, unknown> {
  const names = Object.keys(schemas).map((name) => name.slice(SECTION.length + 1));
  const servers = names.filter((name) => !EDITOR_ONLY.includes(name));
  return Object.fromEntries(servers.map((name) => [name, read<unknown>(name)]).filter(([, value]) => value !== ''));
}

/** Why `document` gets no suggestions by the user's own settings, or undefined when it does. */
export function reasonOff(document: vscode.TextDocument): string | undefined {
  if (!isEnabled()) {
    return 'disabled';
  }
  if (!SCHEMES.includes(document.uri.scheme)) {
    return 'not a file on disk';
  }
  return isLanguageEnabled(document) ? undefined : `disabled for ${nameOfLanguage(document)}`;
}

/** What the server cannot see of `document`. VS Code itself asks for none where the editor is read-only. */
export function circumstances(document: vscode.TextDocument): Circumstances {
  const editors = vscode.window.visibleTextEditors.filter((editor) => editor.document === document);
  return {
    selection: editors.some((editor) => editor.selections.some((selection) => !selection.isEmpty)),
    readOnly: vscode.workspace.fs.isWritableFileSystem(document.uri.scheme) === false,
  };
}

/** Whether the change calls for a new start of the server. */
export function needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
  return NEEDS_RESTART.some((name) => event.affectsConfiguration(`${SECTION}.${name}`));
}
