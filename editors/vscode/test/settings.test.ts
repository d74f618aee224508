/** The settings, as `package.json` has them, and what is said of wrong ones. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { complaint, complaints, EDITOR_ONLY, type Schema } from '../src/settings.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const SCHEMAS: Record<string, Schema> = read('../package.json').contributes.configuration.properties;
const schema = (name: string): Schema => {
  const found = SCHEMAS[`quicksilver.${name}`];
  assert.ok(found, name);
  return found;
};

test("the extension's own settings are those that the table has for it", () => {
  const table: { name: string; editors: string[] }[] = read('../../settings.json');
  const own = table.filter(({ editors }) => editors.includes('VS Code')).map(({ name }) => name);
  assert.deepEqual([...EDITOR_ONLY].sort(), own.sort());
  for (const name of EDITOR_ONLY) schema(name);
});

test('each default is what its setting takes', () => {
  assert.deepEqual(complaints(SCHEMAS, (name) => SCHEMAS[name]?.default), []);
});

test('a wrong value is told about, with what the setting takes', () => {
  assert.equal(complaint(schema('enable'), 'yes'), 'must be true or false');
  for (const value of [9, 10_001, 12.5, '100', null]) {
    assert.equal(complaint(schema('deadlineMs'), value), 'must be a whole number from 10 to 10000');
  }
  assert.equal(complaint(schema('deadlineMs'), 10), undefined);
  assert.equal(complaint(schema('deadlineMs'), 10_000), undefined);
  assert.equal(complaint(schema('debounceMs'), 'auto'), undefined);
  assert.equal(complaint(schema('debounceMs'), 5000), undefined);
  for (const value of [5001, 'soon']) {
    assert.equal(complaint(schema('debounceMs'), value), 'must be a whole number from 0 to 5000 or must be "auto"');
  }
  assert.equal(complaint(schema('refinement'), 'some'), 'must be one of "off", "first", "full"');
  assert.equal(complaint(schema('disabledLanguages'), ['c', '']), 'must be a list of texts, none of them empty');
  assert.equal(complaint(schema('maskGlyph'), '...'), 'must be one character');
  assert.equal(complaint(schema('binary'), 3), 'must be a text');
  const said = complaints(SCHEMAS, (name) => (name === 'quicksilver.maxFps' ? 121 : SCHEMAS[name]?.default));
  assert.deepEqual(said, ['"quicksilver.maxFps" must be a whole number from 0 to 120; its default, 30, is taken']);
});

test('what the commands, keys and steps name is there', () => {
  const { contributes } = read('../package.json');
  const commands: string[] = contributes.commands.map(({ command }: { command: string }) => command);
  const source = readFileSync(new URL('../src/commands.ts', import.meta.url), 'utf8');
  for (const command of commands) {
    assert.match(source, new RegExp(`^    ${command.slice('quicksilver.'.length)}: `, 'm'), command);
  }
  for (const { command } of contributes.keybindings) {
    assert.ok(commands.includes(command) || command.startsWith('editor.action.inlineSuggest.'), command);
  }
  for (const { media, description, completionEvents } of contributes.walkthroughs[0].steps) {
    readFileSync(new URL(`../${media.image ?? media.markdown}`, import.meta.url));
    for (const [, command = ''] of description.matchAll(/command:(quicksilver\.\w+)/g)) {
      assert.ok(commands.includes(command), command);
    }
    for (const event of completionEvents) {
      const [kind, name = ''] = event.split(':');
      const known = { onCommand: commands.includes(name), onSettingChanged: name in SCHEMAS, onContext: true }[kind as string];
      assert.ok(known, event);
    }
  }
});
