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
    await code.shot('excluded');
  },
};
