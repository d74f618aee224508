/** What the user reads a language's name as. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { languageName } from '../src/languages.ts';

test('a language is called by its first alias, in whichever extension that stands', () => {
  const contributions = [{ id: 'rust' }, { id: 'rust', aliases: ['Rust', 'rs'] }, { id: 'cpp', aliases: ['C++'] }];
  assert.equal(languageName('rust', contributions), 'Rust');
  assert.equal(languageName('cpp', contributions), 'C++');
});

test('a language without a name, and what an extension says wrongly, goes by its id', () => {
  const contributions = [{ id: 'odd', aliases: 'Odd' }, { id: 'odd', aliases: [''] }, { aliases: [7] }];
  assert.equal(languageName('odd', contributions), 'odd');
  assert.equal(languageName('unknown', []), 'unknown');
});
