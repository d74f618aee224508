/**
 * Drives a real VS Code (code-server in Chromium) as a user would: installs the packaged extension, opens the sample
 * project, types, looks, accepts, and reads what was saved.
 *
 *   node drive.cjs EDITOR VSIX PROJECT SCRATCH ARTIFACTS
 *
 * Prints a line per test and "N passed, M failed". Screenshots are left in ARTIFACTS.
 */

const { execFileSync, spawn } = require('node:child_process');
const { cpSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { join } = require('node:path');
const { chromium } = require('playwright-core');

const [editor, vsix, project, scratch, artifacts] = process.argv.slice(2);
/** The line of `shop.rs` that the tests write again in its empty line, and how it starts. */
const LINE = 'let pieces = self.pieces.entry(article.to_owned()).or_insert(0);';
const START = 'let pieces = ';
const HOLE = 23;
/** ms; the machine may be busy. */
const PATIENCE = 60_000;

const SETTINGS = {
  'chat.disableAIFeatures': true,
  'editor.inlineSuggest.enabled': true,
  'editor.minimap.enabled': false,
  'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'files.autoSave': 'off',
  // Whether the model is sure enough of a hole is not what is tested here.
  'quicksilver.showUnsure': true,
  'git.enabled': false,
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
};

async function until(what, ready, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await ready();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${patience} ms for ${what}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

function equal(what, actual, expected) {
  if (actual !== expected) {
    throw new Error(`${what}\n    is       ${JSON.stringify(actual)}\n    expected ${JSON.stringify(expected)}`);
  }
}

function freePort() {
  return new Promise((found) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => found(port));
    });
  });
}

/** Ids of the running language servers that come from the installed extension. */
function serverPids() {
  const isOurs = (pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return args.includes('lsp') && args.some((arg) => arg.startsWith(join(scratch, 'extensions')));
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name)).map(Number);
}

/** The workbench, in words of what a user does. */
class Workbench {
  constructor(page, port) {
    this.page = page;
    this.port = port;
  }

  async open(name) {
    const file = `vscode-remote://127.0.0.1:${this.port}${join(project, name)}`;
    const payload = encodeURIComponent(JSON.stringify([['openFile', file]]));
    await this.page.goto(`http://127.0.0.1:${this.port}/?folder=${project}&payload=${payload}`);
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`, { timeout: PATIENCE });
    await until('the server', async () => /^Quicksilver: (ready|[^t])/.test(await this.status()));
    await this.page.locator('.monaco-editor .view-lines').first().click();
  }

  /** What the status bar says, for screen readers. */
  async status() {
    const item = this.page.locator('.statusbar-item[id*="quicksilver"] a');
    return (await item.count()) > 0 ? ((await item.first().getAttribute('aria-label')) ?? '') : '';
  }

  /** The ghost text on the screen, its lines joined. */
  async ghost() {
    const parts = await this.page.locator('.monaco-editor [class*="ghost-text"]').allTextContents();
    return parts.join('').replaceAll('\u00a0', ' ');
  }

  press(key) {
    return this.page.keyboard.press(key);
  }

  /** Writes the start of the known line into the empty one, and waits for ghost text. */
  async suggest() {
    await this.press('Control+g');
    await this.page.keyboard.type(String(HOLE));
    await this.press('Enter');
    await this.press('End');
    // To the first letter, then to the margin; what is typed then takes the place of all that.
    await this.press('Shift+Home');
    await this.press('Shift+Home');
    await this.page.keyboard.type(`            ${START}`, { delay: 20 });
    return until('ghost text', () => this.ghost());
  }

  /** The hole's line, as saved. */
  async saved() {
    const before = readFileSync(join(project, 'shop.rs'), 'utf8');
    await this.press('Control+s');
    const text = await until('the file to be saved', () => {
      const now = readFileSync(join(project, 'shop.rs'), 'utf8');
      return now === before ? '' : now;
    }, 10_000);
    return text.split('\n')[HOLE - 1].trim();
  }

  shot(name) {
    return this.page.screenshot({ path: join(artifacts, `vscode-${name}.png`) });
  }
}

const tests = {
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
    equal('line', await code.saved(), START + other);
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
  'places with a cursor each are filled together, shown first, then taken at once': async (code) => {
    await code.open('fill.rs');
    await code.press('Control+a');
    await code.press('Control+Alt+Backslash');
    const known = 'let guard = self.state.lock();';
    const decorations = () =>
      code.page.locator('.monaco-editor .view-lines span').evaluateAll((spans) =>
        spans.map((span) => getComputedStyle(span, '::after').content.replaceAll('\u00a0', ' ')),
      );
    await until('both texts', async () => (await decorations()).filter((text) => text.includes(known)).length === 2);
    await code.shot('fill');
    await code.press('Control+Enter');
    const before = readFileSync(join(project, 'fill.rs'), 'utf8');
    await code.press('Control+s');
    const text = await until('the file to be saved', () => {
      const now = readFileSync(join(project, 'fill.rs'), 'utf8');
      return now !== before && now;
    }, 10_000);
    equal('lines', text.split(known).length - 1, 4);
    equal('placeholders', text.includes('todo!'), false);
    await code.press('Control+z');
    await code.press('Control+s');
    await until('the original', () => readFileSync(join(project, 'fill.rs'), 'utf8') === before, 10_000);
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

/** A file with two bodies that are still to be written, like two that are. */
function writePlaceholders() {
  const body = (name, line) => `fn ${name}(&self) {\n    ${line}\n    guard.push(1);\n}\n`;
  const known = 'let guard = self.state.lock();';
  const bodies = [body('a', known), body('b', known), body('c', 'todo!()'), body('d', 'todo!()')];
  writeFileSync(join(project, 'fill.rs'), bodies.join(''));
}

async function start() {
  writePlaceholders();
  const user = join(scratch, 'user');
  const extensions = join(scratch, 'extensions');
  for (const folder of [join(user, 'User'), extensions, join(scratch, 'browser')]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(user, 'User', 'settings.json'), JSON.stringify(SETTINGS));
  const command = join(editor, 'bin', 'code-server');
  const folders = ['--user-data-dir', user, '--extensions-dir', extensions];
  const installed = execFileSync(command, [...folders, '--install-extension', vsix], { encoding: 'utf8' });
  process.stdout.write(installed);
  const port = await freePort();
  const log = openSync(join(artifacts, 'vscode-server.log'), 'w');
  const server = spawn(command, [
    ...folders, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check',
    '--disable-workspace-trust', '--disable-getting-started-override', '--reconnection-grace-time', '5', project,
  ], { stdio: ['ignore', log, log], detached: true });
  await until('code-server', () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));
  const browser = await chromium.launchPersistentContext(join(scratch, 'browser'), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    viewport: { width: 1100, height: 640 },
  });
  return { server, browser, code: new Workbench(browser.pages()[0], port) };
}

function keepLogs() {
  try {
    cpSync(join(scratch, 'user', 'logs'), join(artifacts, 'vscode-logs'), { recursive: true });
  } catch {
    // Without the log writer's native module there are none.
  }
}

async function main() {
  const { server, browser, code } = await start();
  let failed = 0;
  for (const [name, run] of Object.entries(tests)) {
    try {
      await run(code);
      console.log(`ok    ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL  ${name}\n    ${String(error.message).replaceAll('\n', '\n    ')}`);
      console.log(`    status: ${await code.status().catch(() => '?')}`);
      await code.shot(`failed-${failed}`).catch(() => undefined);
    }
  }
  await browser.close();
  process.kill(-server.pid, 'SIGTERM');
  keepLogs();
  console.log(`${Object.keys(tests).length - failed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main().catch((error) => {
  console.log(`    ${error.stack}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
});
