/**
 * Takes the pictures of several holes filled, a line written anew, and doubts, that VS Code's README shows:
 *
 *   node pictures.cjs EDITOR VSIX PROJECT SCRATCH ARTIFACTS
 *
 * The file that it is done in is `../pictures.txt`, which is copied to PROJECT. ARTIFACTS gets `fill.png`, `rewrite.png`
 * and `doubts.png`.
 */

const { copyFileSync } = require('node:fs');
const { join } = require('node:path');
const { artifacts, project, start, until } = require('./workbench.cjs');

const MISSPELT = 23;
const LINE_PX = 19;

/** The picture of the lines from `first` to `last`, as they stand on a screen that shows the file from its start. */
async function picture(code, name, first, last) {
  const { x, y } = await code.page.locator('.monaco-editor .view-lines').first().boundingBox();
  // The line numbers too.
  const clip = { x: x - 80, y: y + (first - 1) * LINE_PX - 4, width: 860, height: (last - first + 1) * LINE_PX + 8 };
  await new Promise((wake) => setTimeout(wake, 500));
  await code.page.mouse.move(5, 5);
  await code.page.screenshot({ path: join(artifacts, `${name}.png`), clip });
}

async function goTo(code, line) {
  await code.press('Control+g');
  await code.page.keyboard.type(String(line));
  await code.press('Enter');
}

/** Waits for a decoration behind the text that says `part`. */
function decorated(code, part) {
  const texts = () =>
    code.page.locator('.monaco-editor .view-lines span').evaluateAll((spans) =>
      spans.map((span) => getComputedStyle(span, '::after').content.replaceAll('\u00a0', ' ')),
    );
  return until(part, async () => (await texts()).some((text) => text.includes(part)));
}

async function main() {
  const { server, browser, code } = await start();
  try {
    code.configure({ 'editor.lightbulb.enabled': 'off', 'editor.stickyScroll.enabled': false });
    copyFileSync(join(__dirname, '..', 'pictures.txt'), join(project, 'stock.rs'));
    await code.open('stock.rs');
    // A message is as wide as the editor.
    await code.press('Control+b');
    await goTo(code, 12);
    await code.page.keyboard.down('Shift');
    for (let line = 12; line <= 18; line++) await code.press('ArrowDown');
    await code.page.keyboard.up('Shift');
    await code.press('Control+Alt+Backslash');
    await decorated(code, 'shelves.lock');
    await picture(code, 'fill', 7, 20);
    await code.press('Escape');
    await goTo(code, MISSPELT);
    await code.press('Home');
    await code.press('Shift+End');
    await code.press('Control+Alt+r');
    await decorated(code, 'shelves.lock');
    await picture(code, 'rewrite', 22, 26);
    await code.press('Escape');
    await goTo(code, MISSPELT);
    await code.command('Quicksilver: Look for Misspelt Names');
    const mark = code.page.locator('.monaco-editor .squiggly-info, .monaco-editor .squiggly-hint, .monaco-editor .squiggly-warning').first();
    await mark.waitFor({ state: 'visible', timeout: 20_000 });
    // The message shows where the mouse rests, or by the editor's own "next problem".
    await code.command('Go to Next Problem (Error, Warning, Info)');
    await code.page.locator('.marker-widget').first().waitFor({ state: 'visible', timeout: 20_000 });
    await picture(code, 'doubts', 22, 28);
  } finally {
    await code.shot('pictures-last');
    await browser.close();
    process.kill(-server.pid, 'SIGTERM');
  }
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
