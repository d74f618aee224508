/** What is left of a suggestion, and how frames read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { restOf } from '../src/suggestion.ts';

test('what was typed of a suggestion leaves the rest of it', () => {
  assert.equal(restOf('self.count()', 'self'), '.count()');
  assert.equal(restOf('a\n  b', 'a\r\n  '), 'b');
});

test('all of it leaves nothing, and something else is none of it', () => {
  assert.equal(restOf('self', 'self'), undefined);
  assert.equal(restOf('self', 'other'), undefined);
  assert.equal(restOf('self', ''), undefined);
});
