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
  'what has nothing to show says why at the line': async (code) => {
    await code.press('Control+Home');
    await code.press('ArrowDown');
    await code.press('Home');
    await code.press('Shift+End');
    await code.press('Control+Alt+r');
    await until('the reason', async () => /^Quicksilver: nothing found that fits better/.test(await code.notice()));
    await code.shot('nothing-better');
    await code.press('ArrowUp');
    await until('the reason to go', async () => (await code.notice()) === '');
  },
  'misspelt names are counted where the user looks, wherever they stand': async (code) => {
    const misspelt = readFileSync(join(__dirname, '..', '..', 'pictures.txt'), 'utf8');
    writeFileSync(join(project, 'stock.rs'), misspelt);
    await code.open('stock.rs');
    await code.command('Quicksilver: Look for Misspelt Names');
    await until('how many', async () => (await code.notice()) === 'Quicksilver: 1 name in doubt; F8 goes there');
    await code.press('F8');
    await code.page.locator('.marker-widget', { hasText: 'shelves' }).first().waitFor({ state: 'visible', timeout: 20_000 });
    await code.press('Escape');
  },
  'cells of a notebook get ghost text, unless the notebook is excluded': async (code) => {
    const cell = (source) => ({ cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source: [source] });
    const lines = 'rows = table.rows_of(sheet)\nfor row in rows:\n    table.add_row(sheet, row)\n';
    const notebook = { cells: [cell(lines)], metadata: { language_info: { name: 'python' } }, nbformat: 4, nbformat_minor: 2 };
    for (const [name, isTold] of [['cells.ipynb', true], ['secrets.ipynb', false]]) {
      writeFileSync(join(project, name), JSON.stringify(notebook));
      await code.open(name);
      await code.press('Control+End');
      await code.page.keyboard.type('rows = table.rows_', { delay: 30 });
      await (isTold
        ? until('ghost text', async () => (await code.ghost()) === 'of(sheet)')
        : until('the reason', async () => /never sent/.test(await code.status())));
      await code.shot(`notebook-${name}`);
    }
    equal('ghost text in an excluded one', await code.ghost(), '');
  },
  'a closer that the editor put there is typed over after Tab': async (code) => {
    writeFileSync(join(project, 'closer.py'), 'def a(table, sheet, row):\n    table.add_row(sheet, row)\n\n\ndef b(table, sheet, row):\n    \n');
    await code.open('closer.py');
    await code.goTo(6);
    await code.press('End');
    await code.page.keyboard.type('table.add_row(', { delay: 30 });
    await until('ghost text', async () => (await code.ghost()) === 'sheet, row');
    await code.press('Tab');
    await code.page.keyboard.type(')');
    const text = await until('the file to be saved', async () => {
      await code.press('Control+s');
      const now = readFileSync(join(project, 'closer.py'), 'utf8');
      return now.includes('row(', now.indexOf('def b')) && now;
    }, 10_000);
    equal('line', text.split('\n')[5], '    table.add_row(sheet, row)');
  },
};
