/** What `package.json` promises besides the settings: where the extension runs, and what a workspace may not decide. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const EXTENSION = new URL('../', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('package.json', EXTENSION), 'utf8'));
const sources = readdirSync(new URL('src/', EXTENSION)).map((name) => readFileSync(new URL(`src/${name}`, EXTENSION), 'utf8'));

test('only what is stable in VS Code is used', () => {
  assert.equal(manifest.enabledApiProposals, undefined);
  assert.ok(!sources.some((source) => /vscode\.proposed|isProposedApiEnabled/.test(source)));
});

test('the server runs where the files are: over SSH, in WSL and in containers too', () => {
  assert.deepEqual(manifest.extensionKind, ['workspace']);
});

test('what runs, and where text is sent, no workspace decides, trusted or not', () => {
  const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  const settings: [string, { scope: string }][] = Object.entries(manifest.contributes.configuration.properties);
  const machines = settings.filter(([, { scope }]) => scope === 'machine').map(([name]) => name);
  assert.equal(supported, 'limited');
  assert.deepEqual(machines.sort(), ['binary', 'device', 'endpoint', 'keyFile', 'model', 'vicinity', 'weights'].map((name) => `quicksilver.${name}`));
  assert.deepEqual([...restrictedConfigurations].sort(), machines);
});
