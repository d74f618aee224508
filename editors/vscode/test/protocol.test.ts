/** The parts of the extension that need no editor. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BinaryNotFound, findBinary } from '../src/binary.ts';
import { asFilled, asFillFrame, asFrame, asModel, asRewritten, asStatus, silenceOf, withCircumstances, type Frame, type Run } from '../src/protocol.ts';
import { nextWait } from '../src/restart.ts';
import { frameSteps, frameText, runsLine } from '../src/suggestion.ts';

const GOOD: Frame = {
  session: '1',
  uri: 'file:///a.rs',
  version: 1,
  position: { line: 0, character: 0 },
  seq: 0,
  step: 0,
  steps: 8,
  state: 'denoising',
  runs: [],
};

function run(text: string, kind: Run['kind']): Run {
  return { text, kind, confidence: 0.5 };
}

test('a frame of the wrong shape is dropped', () => {
  assert.deepEqual(asFrame({ ...GOOD }), GOOD);
  for (const field of ['uri', 'version', 'position', 'seq', 'step', 'state', 'runs']) {
    assert.equal(asFrame({ ...GOOD, [field]: null }), undefined, `without ${field}`);
  }
  assert.equal(asFrame({ ...GOOD, runs: [{ text: 'a', kind: 'gone', confidence: 0 }] }), undefined);
  assert.equal(asFrame(null), undefined);
});

test('a request says what is selected and whether the document can be changed, beside what it says anyway', () => {
  const params = { position: 1, context: { triggerKind: 1 } };
  const circumstances = { selection: true, readOnly: false };
  const told = { position: 1, context: { triggerKind: 1, quicksilver: circumstances } };
  assert.deepEqual(withCircumstances(params, circumstances), told);
});

test('a status of an unknown kind is Normal, and keeps its message', () => {
  const status = asStatus({ kind: 'Odd', message: 'excluded', busy: 1 });
  assert.deepEqual(status, { busy: false, kind: 'Normal', message: 'excluded', uri: undefined });
  assert.equal(asStatus('text'), undefined);
});

test('a frame shows the whole span, with a glyph for each character that is masked', () => {
  const shown = (...runs: Run[]) => frameText({ ...GOOD, runs }, '░');
  assert.equal(shown(run('if a', 'committed'), run(' {', 'changed'), run('', 'masked')), 'if a {░░░');
  assert.equal(shown(run('a', 'committed'), run('b é🙂', 'masked')), 'a░ ░░');
  assert.equal(shown(run('x\n', 'committed'), run('\ty\r\nz', 'masked')), 'x\n\t░\n░');
  assert.equal(shown(), '');
  assert.equal(frameSteps({ ...GOOD, step: 3 }), '3/8');
  assert.equal(frameSteps({ ...GOOD, step: 3, steps: undefined }), '3');
});

test('of a text of several lines the first shows, cut, and how many follow', () => {
  assert.equal(runsLine([run('if a', 'committed'), run('b', 'masked')]), 'if\u00a0a░');
  assert.equal(runsLine([run('x\ny\nz', 'committed')]), 'x\u00a0\u00a0+2\u00a0lines');
  assert.equal(runsLine([run('a'.repeat(1000), 'changed')]).length, 201);
});

const RANGE = { start: { line: 1, character: 4 }, end: { line: 1, character: 11 } };

test('the frame of a fill of the wrong shape is dropped', () => {
  const good = { token: 't', seq: 0, holes: [{ range: RANGE, runs: [run('a', 'masked')] }] };
  assert.deepEqual(asFillFrame(good), good);
  for (const bad of [{ ...good, token: 1 }, { ...good, holes: {} }, { ...good, holes: [{ range: RANGE, runs: [{}] }] }, null]) {
    assert.equal(asFillFrame(bad), undefined);
  }
});

test('of an answer what has its shape is taken, and silence has words', () => {
  const filled = { range: RANGE, newText: 'x' };
  assert.deepEqual(asFilled({ holes: [filled, { range: {}, newText: 'x' }, null] }), [filled]);
  assert.deepEqual(asFilled(undefined), []);
  assert.deepEqual(asRewritten({ range: RANGE, texts: ['x', 7] }), { range: RANGE, texts: ['x'] });
  assert.equal(asRewritten({ range: RANGE, texts: [] }), undefined);
  assert.equal(silenceOf({ silence: { message: 'excluded' } }), 'excluded');
  assert.equal(silenceOf(undefined), 'the server is not running');
});

test('the model is told only where it is known', () => {
  assert.deepEqual(asModel({ message: '', model: 'm', device: 'cpu' })?.model, 'm');
  assert.equal(asModel({ message: '' }), undefined);
  assert.equal(asModel(undefined), undefined);
});

test('restarts wait longer each time, and end after five in three minutes', () => {
  const times: number[] = [];
  const waits = [1, 2, 3, 4, 5, 6].map((second) => {
    times.push(second * 1000);
    return nextWait(times, second * 1000).wait;
  });
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, undefined]);
  assert.deepEqual(nextWait(times, 1e6), { wait: 250, recent: [] });
});

test('the executable: the setting, else the bundled one, else the one in PATH', () => {
  const there = (...paths: string[]) => (path: string) => paths.includes(path);
  assert.deepEqual(findBinary('/own', '/ext', '', there('/own')), { path: '/own', source: 'setting' });
  const bundled = '/ext/server/quicksilver';
  assert.deepEqual(findBinary('', '/ext', '/bin', there(bundled, '/bin/quicksilver')), { path: bundled, source: 'bundled' });
  const inPath = findBinary('', '/ext', '/usr/bin:/bin', there('/bin/quicksilver'));
  assert.deepEqual(inPath, { path: '/bin/quicksilver', source: 'PATH' });
});

test('a setting that names no executable is an error, not passed over', () => {
  assert.throws(() => findBinary('/gone', '/ext', '/bin', (path) => path !== '/gone'), BinaryNotFound);
  assert.throws(() => findBinary('', '/ext', '', () => false), /install it/);
});
