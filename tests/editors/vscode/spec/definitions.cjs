/**
 * What the editor's own TypeScript says of where names are defined reaches a scripted engine. The name is defined in so
 * many files, each like nothing else, that without the editor none of them goes along.
 */

const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { startEngine } = require('../../engine.cjs');
const { equal, project, until } = require('../workbench.cjs');

const WANTED = 'return from_4(n)';
let engine;
let lines = 0;

function writeFiles() {
  const filler = (name) => Array.from({ length: 90 }, (_, at) => `let ${name}_${at} = 0;\n`).join('');
  for (let n = 0; n < 6; n += 1) {
    const wanted = `export function compute(n: number) { return from_${n}(n); }\n`;
    writeFileSync(join(project, `f${n}.ts`), filler(`before_${n}`) + wanted + filler(`after_${n}`));
  }
  writeFileSync(join(project, 'main.ts'), "import { compute } from './f4';\n\n");
}

/** Types a call, rests, types on; what the engine was told of other files for the last of that. */
async function told(code) {
  lines += 1;
  const before = engine.asked.length;
  await code.press('Control+End');
  await code.page.keyboard.type(`const answer${lines} = compute`, { delay: 10 });
  await new Promise((wake) => setTimeout(wake, 700));
  await code.page.keyboard.type(`(${lines}`, { delay: 10 });
  await until('a question', () => engine.asked.length > before && engine.asked.at(-1).prompt.endsWith(`compute(${lines}`), 5000).catch(() => undefined);
  await code.press('Control+End');
  await code.press('Enter');
  return (engine.asked.at(-1)?.context ?? []).map(({ text }) => text).join('');
}

module.exports = {
  "the definition that the language's own server finds reaches the engine": async (code) => {
    engine = await startEngine(() => ({ text: '', steps: 1, stepMs: 1 }));
    code.configure({ 'quicksilver.endpoint': engine.address });
    await code.press('Control+s');
    writeFiles();
    await code.open('main.ts');
    const with_ = await until('the definition', async () => {
      const now = await told(code);
      return now.includes(WANTED) && now;
    });
    await code.shot('definitions');
    equal('others that have the name', with_.includes('from_3(n)'), false);
  },
  'switched off while the editor runs, it is told no more, and switched on it is again': async (code) => {
    await code.reconfigure({ 'quicksilver.definitions': false });
    await until('no definition', async () => !(await told(code)).includes(WANTED));
    equal('the next one', (await told(code)).includes(WANTED), false);
    await code.reconfigure({});
    await until('the definition', async () => (await told(code)).includes(WANTED));
    code.configure({});
  },
};
