/**
 * VS Code in restricted mode, in a workspace that wants to name the program that runs and the address that text goes to:
 *
 *   node untrusted.cjs EDITOR VSIX PROJECT SCRATCH ARTIFACTS
 *
 * Prints a line per test and "N passed, M failed".
 */

const { chmodSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:http');
const { join } = require('node:path');
const { LINE, START, equal, project, scratch, serverPids, start, until } = require('./workbench.cjs');

/** A program of the workspace; it leaves a file when it runs. */
const trace = join(scratch, 'the-program-ran');
let asked = 0;

const tests = {
  'the workspace is in restricted mode': async (code) => {
    await code.open('shop.rs');
    await code.page.locator('.statusbar-item', { hasText: 'Restricted Mode' }).waitFor({ state: 'visible', timeout: 20_000 });
  },
  'suggestions come all the same, from the server in the package': async (code) => {
    equal('ghost text', START + (await code.suggest()), LINE);
    await code.shot('untrusted');
    await code.press('Tab');
    equal('line', await code.saved(), LINE);
    equal('servers of the extension', serverPids().length, 1);
  },
  'the program that the workspace names does not run, and its address is not asked': async () => {
    equal('program ran', existsSync(trace), false);
    equal('requests to its address', asked, 0);
  },
  "a workspace's harmless settings count": async (code) => {
    await until('the reason', async () => {
      await code.open('shop.py');
      return /disabled for Python/.test(await code.status());
    });
  },
};

async function main() {
  const address = await new Promise((listening) => {
    const server = createServer((_, response) => {
      asked += 1;
      response.end('{}');
    }).listen(0, '127.0.0.1', () => listening(`http://127.0.0.1:${server.address().port}`));
  });
  const program = join(project, 'server.sh');
  mkdirSync(scratch, { recursive: true });
  writeFileSync(program, `#!/bin/sh\ntouch '${trace}'\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(project, 'shop.py'), '# nothing\n');
  mkdirSync(join(project, '.vscode'), { recursive: true });
  writeFileSync(join(project, '.vscode', 'settings.json'), JSON.stringify({
    'quicksilver.binary': program,
    'quicksilver.disabledLanguages': ['python'],
    'quicksilver.endpoint': address,
  }));

  const { server, browser, code } = await start({ trusted: false });
  let failed = 0;
  for (const [name, run] of Object.entries(tests)) {
    try {
      await run(code);
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n    ${String(error.message).replaceAll('\n', '\n    ')}`);
      console.log(`    status: ${await code.status().catch(() => '?')}`);
      await code.shot(`failed-untrusted-${failed}`).catch(() => undefined);
    }
  }
  await browser.close();
  process.kill(-server.pid, 'SIGTERM');
  console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main().catch((error) => {
  console.log(`    ${error.stack}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
});
