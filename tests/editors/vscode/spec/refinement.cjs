/**
 * A span being refined, from a scripted engine that is as slow as a large model: what is drawn at each of the
 * screen's own frames is recorded, and must never be nothing between the first state and the answer, never go back to
 * an earlier state, and never move the line below. That is what a user's eye would see as flicker, of the text and its
 * place; colours are not looked at, and other changes of the page are not.
 */

const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { SPAN, startEngine } = require('../../engine.cjs');
const { artifacts, equal, until } = require('../workbench.cjs');

const STEPS = 20;
const STEP_MS = 60;
const MASK = '░';
let engine;

/** The start of a line that was not written before, so that no earlier answer fits it. */
let lines = 0;
function newLine() {
  lines += 1;
  return `let answer${lines} = `;
}

/** The engine has an answer for such a line, and for nothing else. */
function answer({ prompt }) {
  return { text: /answer\d+ = \w*$/.test(prompt) ? SPAN : '', steps: STEPS, stepMs: STEP_MS };
}

/** Starts to write down what ghost text the screen shows, frame by frame, and where the line below it stands. */
function record(code) {
  return code.page.evaluate(() => {
    const seen = [];
    window.quicksilverSeen = seen;
    const look = () => {
      if (window.quicksilverSeen !== seen) return;
      const text = window.quicksilverGhost();
      const below = Math.max(...[...document.querySelectorAll('.view-line')].map((line) => line.offsetTop));
      const last = seen.at(-1);
      if (!last || last.text !== text || last.below !== below) seen.push({ ms: Math.round(performance.now()), text, below });
      requestAnimationFrame(look);
    };
    look();
  });
}

function recorded(code) {
  return code.page.evaluate(() => {
    const seen = window.quicksilverSeen;
    window.quicksilverSeen = undefined;
    return seen;
  });
}

/** What was drawn from the first state on. */
async function refined(code, name, done = (text) => text !== '' && !text.includes('░')) {
  await record(code);
  // At once: one request, and whatever takes the span away afterwards is a flicker.
  await code.write(newLine(), { atOnce: true });
  await until('the answer', async () => done(await code.ghost()));
  // The lines below the first are drawn one frame earlier.
  await new Promise((wake) => setTimeout(wake, 200));
  const seen = await recorded(code);
  writeFileSync(join(artifacts, `vscode-${name}.json`), JSON.stringify(seen, null, 1));
  return seen.slice(seen.findIndex(({ text }) => text !== ''));
}

/** Opens the file anew under these settings: a page that is there already may take its time to notice them. */
async function settings(code, changes) {
  engine ??= await startEngine(answer);
  code.configure({ 'quicksilver.endpoint': engine.address, 'quicksilver.span': 'block', 'quicksilver.multiline': true, ...changes });
  await code.press('Control+s');
  await code.open('shop.rs');
}

module.exports = {
  'the whole span shows while it is refined, never vanishes and never goes back': async (code) => {
    await settings(code, {});
    const seen = await refined(code, 'refinement');
    equal('states that show nothing', seen.filter(({ text }) => text === '').length, 0);
    const states = new Set(seen.map(({ text }) => text));
    // On a busy machine the latest wins over many: but not over all.
    equal(`${states.size} states of ${STEPS}, at least three`, states.size >= 3, true);
    equal('the first is masked', seen[0].text.includes(MASK), true);
    const bare = (text) => text.replaceAll(/\s+/g, '');
    equal('the last is the answer', bare(seen.at(-1).text), bare(SPAN));
    // Five lines from the first state on, which the screen gets in two strokes: what stands below does not move.
    equal('places of the line below', new Set(seen.slice(1).map(({ below }) => below)).size, 1);
    // Each step decides more than the one before; the first state comes in two strokes.
    const masks = seen.slice(1).map(({ text }) => text.split(MASK).length - 1);
    equal('states with more masks than the one before', masks.filter((count, at) => count > (masks[at - 1] ?? Infinity)).length, 0);
    await code.press('Escape');
  },
  'Tab while it is refined accepts it once it is done': async (code) => {
    await code.write(newLine());
    await until('a masked span', async () => (await code.ghost()).includes(MASK));
    await code.shot('refinement');
    await code.press('Tab');
    await until('the answer to be accepted', async () => (await code.text()).includes('total += self.count'));
    equal('masks in the text', (await code.text()).includes(MASK), false);
    // Back to the five lines of before, for the next test.
    for (let i = 0; i < 2; i++) await code.press('Control+z');
  },
  'Escape while it is refined ends it': async (code) => {
    await code.write(newLine());
    await until('a masked span', async () => (await code.ghost()).includes(MASK));
    await code.press('Escape');
    await until('no ghost text', async () => (await code.ghost()) === '');
    await new Promise((wake) => setTimeout(wake, STEPS * STEP_MS));
    equal('ghost text', await code.ghost(), '');
  },
  'typing while it is refined asks anew': async (code) => {
    await code.write(newLine());
    await until('a masked span', async () => (await code.ghost()).includes(MASK));
    const asked = engine.asked.length;
    await code.page.keyboard.type('x');
    await until('another request', () => engine.asked.length > asked);
    await until('the answer', async () => {
      const text = await code.ghost();
      return text.includes('total += self.count') && !text.includes(MASK);
    });
  },
  'only the first step, or none, where the setting says so': async (code) => {
    await settings(code, { 'quicksilver.refinement': 'first' });
    const first = await refined(code, 'refinement-first');
    equal('a masked state', first.some(({ text }) => text.includes(MASK)), true);
    // The editor draws a text's first line a moment after the others: what lasts shorter than a step is that moment.
    const lasting = first.filter(({ ms }, at) => (first[at + 1]?.ms ?? Infinity) - ms >= STEP_MS);
    equal('states between', lasting.filter(({ text }) => text.includes(MASK) && /[a-z]/.test(text)).length, 0);
    await settings(code, { 'quicksilver.refinement': 'off' });
    const off = await refined(code, 'refinement-off');
    equal('masked states', off.filter(({ text }) => text.includes(MASK)).length, 0);
  },
};
