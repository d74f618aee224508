/** The status bar's menu, the walkthrough, the settings' checks, and what an untrusted workspace may not do. */

const { START, equal, serverPids, until } = require('../workbench.cjs');

module.exports = {
  'the menu says the state, the model and the time of the last answer': async (code) => {
    await code.open('shop.rs');
    await code.suggest();
    await code.press('Tab');
    const state = await code.menu();
    equal(state, /^model: quicksilver on cpu · last answer: \d+ ms .* · shown \d+, accepted 1$/.test(state), true);
    const rows = (await code.rows()).join('\n');
    for (const entry of ['Disable', 'Disable for Rust', 'Why does nothing show', 'model', 'Restart', 'log', 'Settings']) {
      equal(`entry ${entry}`, rows.includes(entry), true);
    }
    await code.shot('menu');
    await code.press('Escape');
  },
  'nothing beside the status bar moves while the user types': async (code) => {
    const item = code.page.locator('.statusbar-item[id*="quicksilver"]').first();
    const widths = new Set();
    // A name that stands nowhere gets no suggestion; the known line does.
    for (const text of ['let zqx', 'let zqxw = zqxv', START]) {
      await code.write(text);
      await new Promise((wake) => setTimeout(wake, 500));
      widths.add((await item.boundingBox()).width);
    }
    equal(`one width of ${[...widths]}`, widths.size, 1);
    await code.press('Escape');
  },
  'models are listed by name, those of this machine first': async (code) => {
    await code.command('Quicksilver: Choose the Model');
    const rows = await code.rows();
    equal(`first of ${rows[0]}`, rows[0]?.startsWith('quicksilver'), true);
    equal(`then ${rows[1]}`, rows[1]?.includes('A folder…'), true);
    equal(`another in ${rows[2]}`, rows[2]?.includes('open-dcoder'), true);
    await code.shot('models');
    await code.press('Escape');
  },
  'a language is turned off in the menu, and on again': async (code) => {
    await code.command('Quicksilver: Enable or Disable for This Language');
    await until('the reason', async () => /disabled for Rust/.test(await code.status()));
    await code.press('Alt+Backslash');
    await until('the reason at the cursor', async () => (await code.notice()) === 'Quicksilver: disabled for Rust');
    await code.shot('notice');
    await code.press('ArrowUp');
    await until('the reason to go', async () => (await code.notice()) === '');
    await code.command('Quicksilver: Enable or Disable for This Language');
    await until('no reason', async () => !/disabled/.test(await code.status()));
  },
  'a wrong setting is told about, and its default is taken': async (code) => {
    code.configure({ 'quicksilver.deadlineMs': 5, 'quicksilver.refinement': 'some' });
    await code.press('Control+s');
    await code.open('shop.rs');
    const toast = code.page.locator('.notification-toast', { hasText: 'Quicksilver' }).first();
    await toast.waitFor({ state: 'visible', timeout: 20_000 });
    const text = (await toast.textContent()) ?? '';
    equal(`deadline in ${text}`, text.includes('"quicksilver.deadlineMs" must be a whole number from 10 to 10000'), true);
    equal(`refinement in ${text}`, text.includes('"quicksilver.refinement" must be one of "off", "first", "full"'), true);
    await code.shot('wrong-setting');
    code.configure({});
    await code.open('shop.rs');
  },
  'the first steps open, and what was done is ticked off': async (code) => {
    await code.suggest();
    await code.press('Tab');
    await code.command('Quicksilver: First Steps');
    await code.page.waitForSelector('.getting-started-step', { timeout: 20_000 });
    const steps = await code.page.locator('.getting-started-step .step-title').allTextContents();
    equal('first step', steps[0]?.includes('See that it runs'), true);
    const ticked = () => code.page.locator('.getting-started-step[aria-checked="true"]').count();
    await until('what was done already to be ticked off', async () => (await ticked()) >= 3);
    await code.shot('first-steps');
    await code.press('Control+w');
  },
  'the server is the one in the package, whatever the workspace says': async () => {
    equal('servers of the extension', serverPids().length, 1);
  },
};
