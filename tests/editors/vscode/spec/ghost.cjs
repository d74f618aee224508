/** Ghost text from the real server and its embedded model: what is typed, seen, accepted and refused. */

const { LINE, START, equal, serverPids, until } = require('../workbench.cjs');

module.exports = {
  'ghost text shows and is accepted with Tab': async (code) => {
    await code.open('shop.rs');
    const text = await code.suggest();
    await code.shot('ghost');
    equal('ghost text', START + text, LINE);
    await code.press('Tab');
    await code.shot('accepted');
    equal('line', await code.saved(), LINE);
  },
  'a word is accepted, and the rest stays': async (code) => {
    const text = await code.suggest();
    await code.press('Control+ArrowRight');
    const rest = await until('less ghost text', async () => {
      const now = await code.ghost();
      return now !== '' && now.length < text.length && now;
    });
    await code.shot('word');
    equal('line', await code.saved(), START + text.slice(0, text.length - rest.length));
  },
  'another one can be looked at, and accepted': async (code) => {
    const text = await code.suggest();
    await code.press('Alt+BracketRight');
    const other = await until('another one', async () => {
      const now = await code.ghost();
      return now !== '' && now !== text && now;
    });
    await code.shot('another');
    await code.press('Tab');
    // The other one may be what was saved there last: then there is nothing to save.
    await until(START + other, async () => (await code.text()).includes(START + other));
  },
  'a word of another one is accepted, and the rest of that one stays': async (code) => {
    const text = await code.suggest();
    await code.press('Alt+BracketRight');
    const other = await until('another one', async () => {
      const now = await code.ghost();
      return now !== '' && now !== text && now;
    });
    await code.press('Control+ArrowRight');
    await until('less ghost text', async () => (await code.ghost()).length < other.length);
    // It is still there when the editor has asked again.
    await new Promise((wake) => setTimeout(wake, 500));
    const rest = await code.ghost();
    equal(`"${rest}" is what is left of "${other}"`, rest !== '' && other.endsWith(rest), true);
    await code.page.keyboard.type(rest.slice(0, 2), { delay: 50 });
    await until('what was typed to go', async () => (await code.ghost()) === rest.slice(2));
    await code.shot('word-of-another');
    await code.press('Tab');
    await until(START + other, async () => (await code.text()).includes(START + other));
  },
  'Alt+[ goes back to the first one': async (code) => {
    const text = await code.suggest();
    await code.press('Alt+BracketRight');
    await until('another one', async () => ![text, ''].includes(await code.ghost()));
    await code.press('Alt+BracketLeft');
    await until('the first one', async () => (await code.ghost()) === text);
    await code.press('Escape');
    await until('no ghost text', async () => (await code.ghost()) === '');
  },
  'Escape hides it, the trigger key brings it back': async (code) => {
    const text = await code.suggest();
    await code.press('Escape');
    await until('no ghost text', async () => (await code.ghost()) === '');
    await code.press('Alt+Backslash');
    equal('ghost text', await until('ghost text', () => code.ghost()), text);
  },
  'a killed server comes back, knows the text, and suggests again': async (code) => {
    const before = serverPids();
    equal('servers', before.length, 1);
    process.kill(before[0], 'SIGKILL');
    await until('the restart', () => serverPids().some((pid) => !before.includes(pid)));
    await until('the server', async () => (await code.status()) === 'Quicksilver: ready');
    equal('ghost text', START + (await code.suggest()), LINE);
  },
  '.env gets no ghost text, and the status bar says why': async (code) => {
    await code.press('Control+s');
    await code.open('.env');
    await code.press('Control+End');
    await code.page.keyboard.type('DATABASE_URL=', { delay: 20 });
    await until('the reason', async () => /never sent/.test(await code.status()));
    equal('ghost text', await code.ghost(), '');
    await code.press('Alt+Backslash');
    await until('the reason at the cursor', async () => /^Quicksilver: this file is never sent/.test(await code.notice()));
    await code.shot('excluded');
  },
};
