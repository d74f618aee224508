/** Which names the extension asks for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MOST_NAMES, namesNear } from '../src/names.ts';

test('names come nearest first, each once, then those of the line above', () => {
  const near = namesNear('let größe = compute(shape, größe', 'first(x)', 24);
  assert.deepEqual(near, [
    { name: 'shape', above: 0, character: 20 },
    { name: 'größe', above: 0, character: 27 },
    { name: 'compute', above: 0, character: 12 },
    { name: 'let', above: 0, character: 0 },
    { name: 'first', above: 1, character: 0 },
  ]);
});

test('names are bounded, and numbers and short words are none', () => {
  assert.equal(namesNear('aaa bbb ccc ddd eee fff ggg hhh iii jjj', '', 0).length, MOST_NAMES);
  assert.deepEqual(namesNear('1234 ab _ 0x12f', '', 3), []);
  assert.deepEqual(namesNear('x'.repeat(5000) + ' name', '', 5002).map(({ name }) => name.length), [1000]);
});
