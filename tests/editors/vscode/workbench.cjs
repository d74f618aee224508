/**
 * A real VS Code (code-server in Chromium), in words of what a user does. Knows no test.
 */

const { execFileSync, spawn } = require('node:child_process');
const { existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { createServer } = require('node:net');
const { join } = require('node:path');
const { chromium } = require('playwright-core');

const [editor, vsix, project, scratch, artifacts] = process.argv.slice(2);
/** The line of `shop.rs` that the tests write again in its empty line, and how it starts. */
const LINE = 'let pieces = self.pieces.entry(article.to_owned()).or_insert(0);';
const START = 'let pieces = ';
const HOLE = 23;
/** ms; the machine may be busy. */
const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

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
  'security.workspace.trust.startupPrompt': 'never',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  // Settings open as a file like others.
  'workbench.editor.useModal': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.startupEditor': 'none',
};

const MACHINE = ['binary', 'device', 'endpoint', 'keyFile', 'model'].map((name) => `quicksilver.${name}`);

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

/** Ids of the running language servers, or engines, that come from the installed extension. */
function serverPids(command = 'lsp') {
  const isOurs = (pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return args.includes(command) && args.some((arg) => arg.startsWith(join(scratch, 'extensions')));
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name)).map(Number);
}

/** In the page: the ghost text on the screen, its lines joined; they stand in the page in any order. */
function ghostOnScreen() {
  const parts = [...document.querySelectorAll('.monaco-editor [class*="ghost-text"]')];
  const placed = parts.map((part) => ({ text: part.textContent, ...part.getBoundingClientRect().toJSON() }));
  placed.sort((a, b) => (Math.abs(a.top - b.top) > 4 ? a.top - b.top : a.left - b.left));
  return placed.map(({ text }) => text).join('').replaceAll('\u00a0', ' ');
}

/** The workbench, in words of what a user does. */
class Workbench {
  constructor(page, port) {
    this.page = page;
    this.port = port;
  }

  /** Opens a file in a page of its own, once all in the page before is saved. */
  async open(name) {
    await this.settle();
    const file = `vscode-remote://127.0.0.1:${this.port}${join(project, name)}`;
    const payload = encodeURIComponent(JSON.stringify([['openFile', file]]));
    await this.page.goto(`http://127.0.0.1:${this.port}/?folder=${project}&payload=${payload}`);
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`, { timeout: PATIENCE });
    await until('the server', async () => /^Quicksilver: (ready|[^t])/.test(await this.status()));
    await this.page.locator('.monaco-editor .view-lines').first().click();
  }

  /**
   * Saves all that is open. What a page leaves unsaved comes back in the next one from its backup: older than the file, if that
   * was saved meanwhile, and then VS Code refuses to save it over that.
   */
  async settle() {
    const dirty = this.page.locator('.tab.dirty');
    await until('all to be saved', async () => {
      if ((await dirty.count()) === 0) return true;
      // It may be saved by now.
      await dirty.first().click({ timeout: 2000 }).catch(() => undefined);
      await this.press('Control+s');
      await new Promise((wake) => setTimeout(wake, 200));
      return false;
    });
  }

  /** What the status bar says, for screen readers. */
  async status() {
    const item = this.page.locator('.statusbar-item[id*="quicksilver"] a');
    return (await item.count()) > 0 ? ((await item.first().getAttribute('aria-label')) ?? '') : '';
  }

  /** What the menu of the status bar says above its entries; it stays open. */
  async menu() {
    await this.page.locator('.statusbar-item[id*="quicksilver"] a').first().click();
    await this.rows();
    return (await this.page.locator('.quick-input-widget input').first().getAttribute('placeholder')) ?? '';
  }

  /** The ghost text on the screen, its lines joined. */
  async ghost() {
    return this.page.evaluate(() => window.quicksilverGhost());
  }

  /** What the extension says at the end of a line. */
  notice() {
    return this.page.evaluate(() => {
      const says = [...document.querySelectorAll('.monaco-editor .view-lines span')].map((span) => getComputedStyle(span, '::after').content);
      return says.map((text) => text.replace(/^"|"$/g, '').replaceAll('\u00a0', ' ').trim()).find((text) => text.startsWith('Quicksilver')) ?? '';
    });
  }

  /** What the editor shows of the text, without ghost text. */
  text() {
    return this.page.evaluate(() => {
      const lines = [...document.querySelectorAll('.monaco-editor .lines-content > .view-lines > .view-line')];
      const plain = lines.map((line) => {
        const copy = line.cloneNode(true);
        for (const ghost of copy.querySelectorAll('[class*="ghost-text"]')) ghost.remove();
        return copy.textContent;
      });
      return plain.join('\n').replaceAll('\u00a0', ' ');
    });
  }

  press(key) {
    return this.page.keyboard.press(key);
  }

  /** Writes the start of the known line into the empty one, and waits for ghost text. */
  async suggest() {
    await this.write(START);
    return until('ghost text', () => this.ghost());
  }

  /** Puts the cursor into a line. A page that has just come up may not know its keys yet: then nothing is typed, and it is tried again. */
  async goTo(line) {
    const input = this.page.locator('.quick-input-widget');
    const place = this.page.locator('[id="status.editor.selection"]');
    await until(`the cursor in line ${line}`, async () => {
      await this.press('Control+g');
      const opens = input.waitFor({ state: 'visible', timeout: 2000 });
      if (!(await opens.then(() => true, () => false))) return false;
      await this.page.keyboard.type(String(line));
      await this.press('Enter');
      await input.waitFor({ state: 'hidden', timeout: 5000 });
      return until('the place in the status bar', async () => (await place.innerText()).includes(`Ln ${line},`), 2000).catch(() => false);
    });
  }

  /** Writes `text` into the empty line. */
  async write(text, { atOnce = false } = {}) {
    await this.goTo(HOLE);
    await this.press('End');
    // To the first letter, then to the margin; what is typed then takes the place of all that.
    await this.press('Shift+Home');
    await this.press('Shift+Home');
    const line = `            ${text}`;
    await (atOnce ? this.page.keyboard.insertText(line) : this.page.keyboard.type(line, { delay: 20 }));
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

  /** Sets settings, as the user: what is left out gets its default. */
  configure(settings) {
    const all = { ...SETTINGS, ...settings };
    // Where the server runs, a remote machine's own settings are the ones that name programs and addresses.
    const isMachines = ([name]) => MACHINE.includes(name);
    const files = { Machine: Object.entries(all).filter(isMachines), User: Object.entries(all).filter((e) => !isMachines(e)) };
    for (const [folder, entries] of Object.entries(files)) {
      const path = join(scratch, 'user', folder, 'settings.json');
      const text = JSON.stringify(Object.fromEntries(entries));
      if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
    }
  }

  /** Sets settings as `configure` does, but in the running editor, which takes them in at once: by its own settings file. */
  async reconfigure(settings) {
    await this.command('Preferences: Open User Settings (JSON)');
    await this.page.waitForSelector('.tab.active[data-resource-name="settings.json"]', { timeout: PATIENCE });
    await this.page.locator('.editor-group-container.active .monaco-editor .view-lines').first().click();
    await this.press('Control+a');
    await this.page.keyboard.insertText(JSON.stringify({ ...SETTINGS, ...settings }));
    await this.settle();
    await this.press('Control+w');
  }

  /** Runs a command of the palette by its title. */
  async command(title) {
    await this.press('F1');
    await this.page.keyboard.type(title);
    const row = this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first();
    await row.waitFor({ state: 'visible', timeout: PATIENCE });
    await this.press('Enter');
  }

  /** Rows of the list that a command has opened. */
  async rows() {
    await this.page.waitForSelector('.quick-input-list .monaco-list-row', { timeout: PATIENCE });
    return this.page.locator('.quick-input-list .monaco-list-row').allTextContents();
  }

  shot(name) {
    return this.page.screenshot({ path: join(artifacts, `vscode-${name}.png`) });
  }
}

/** @param trusted false: the project is opened as an untrusted workspace, in restricted mode. */
async function start({ trusted = true } = {}) {
  SETTINGS['security.workspace.trust.enabled'] = !trusted;
  const user = join(scratch, 'user');
  const extensions = join(scratch, 'extensions');
  for (const folder of [join(user, 'User'), join(user, 'Machine'), extensions, join(scratch, 'browser')]) mkdirSync(folder, { recursive: true });
  Workbench.prototype.configure({});
  const command = join(editor, 'bin', 'code-server');
  const folders = ['--user-data-dir', user, '--extensions-dir', extensions];
  const installed = execFileSync(command, [...folders, '--install-extension', vsix], { encoding: 'utf8' });
  process.stdout.write(installed);
  const port = await freePort();
  const log = openSync(join(artifacts, 'vscode-server.log'), 'w');
  const server = spawn(command, [
    ...folders, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check',
    ...(trusted ? ['--disable-workspace-trust'] : []), '--disable-getting-started-override', '--reconnection-grace-time', '5', project,
  ], { stdio: ['ignore', log, log], detached: true });
  await until('code-server', () => fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => answer.ok, () => false));
  const browser = await chromium.launchPersistentContext(join(scratch, 'browser'), {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    viewport: { width: 1100, height: 640 },
  });
  browser.setDefaultNavigationTimeout(PATIENCE);
  await browser.pages()[0].addInitScript(`window.quicksilverGhost = ${ghostOnScreen}`);
  return { server, browser, code: new Workbench(browser.pages()[0], port) };
}

module.exports = { LINE, START, HOLE, PATIENCE, project, scratch, artifacts, equal, until, serverPids, start };
