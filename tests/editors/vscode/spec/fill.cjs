/** Several places filled together: shown at all of them first, then taken at once, and undone at once. */

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { equal, project, until } = require('../workbench.cjs');

const known = 'let guard = self.state.lock();';

/** A file with two bodies that are still to be written, like two that are. */
function writePlaceholders() {
  const body = (name, line) => `fn ${name}(&self) {\n    ${line}\n    guard.push(1);\n}\n`;
  const bodies = [body('a', known), body('b', known), body('c', 'todo!()'), body('d', 'todo!()')];
  writeFileSync(join(project, 'fill.rs'), bodies.join(''));
}

module.exports = {
  'places with a cursor each are filled together, shown first, then taken at once': async (code) => {
    writePlaceholders();
    await code.press('Control+s');
    await code.open('fill.rs');
    await code.press('Control+a');
    await code.press('Control+Alt+Backslash');
    const decorations = () =>
      code.page.locator('.monaco-editor .view-lines span').evaluateAll((spans) =>
        spans.map((span) => getComputedStyle(span, '::after').content.replaceAll('\u00a0', ' ')),
      );
    await until('both texts', async () => (await decorations()).filter((text) => text.includes(known)).length === 2);
    await code.shot('fill');
    const before = readFileSync(join(project, 'fill.rs'), 'utf8');
    await code.press('Control+Enter');
    // Texts are put in by the extension, a moment after the key.
    const text = await until('the file to be saved', async () => {
      await code.press('Control+s');
      const now = readFileSync(join(project, 'fill.rs'), 'utf8');
      return now !== before && now;
    }, 10_000);
    equal('lines', text.split(known).length - 1, 4);
    equal('placeholders', text.includes('todo!'), false);
    await code.press('Control+z');
    await until('the original', async () => {
      await code.press('Control+s');
      return readFileSync(join(project, 'fill.rs'), 'utf8') === before;
    }, 10_000);
  },
};
