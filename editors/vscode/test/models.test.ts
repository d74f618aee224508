/** What is made of the list of models. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listed } from '../src/models.ts';

test('models on this machine come first, and each says what it is', () => {
  const models = [
    { id: 'a/large', bytes: 15_200_000_000, licence: 'mit', good_at: 'long spans', pulled: null, fits: false },
    { id: 'quicksilver', bytes: 0, licence: 'mit or apache-2.0', good_at: 'the local prior', pulled: null, fits: true },
    { id: 'b/small', bytes: 988_000_000, licence: 'apache-2.0', good_at: '', pulled: '2026-01-01', fits: true },
  ];
  assert.deepEqual(listed(JSON.stringify({ models })), [
    { id: 'quicksilver', about: 'the local prior · mit or apache-2.0', isHere: true },
    { id: 'b/small', about: '1.0 GB · apache-2.0', isHere: true },
    { id: 'a/large', about: 'long spans · 15.2 GB · mit · too large for this machine', isHere: false },
  ]);
});

test('what is no list of models names none', () => {
  for (const odd of ['', 'MODEL  SIZE', 'null', '[]', '{"models":7}', '{"models":[null,{"id":7},{}]}']) {
    assert.deepEqual(listed(odd), [], odd);
  }
});
