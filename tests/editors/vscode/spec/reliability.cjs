/**
 * D3 and K2 in VS Code: a working day's edits, and a server that is killed again and again. What the server has is compared with
 * what the editor saves. Prints lines of the reliability report.
 */

const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, readdirSync, rmSync, statSync } = require('node:fs');
const { connect } = require('node:net');
const { join } = require('node:path');
const { equal, project, scratch, serverPids, until } = require('../workbench.cjs');

const NIGHTLY = process.env.QUICKSILVER_TIER === 'nightly';
const EDITS = NIGHTLY ? 1000 : 60;
/** Edits between two comparisons. */
const BATCH = 20;
const KILLS = NIGHTLY ? 100 : 5;
/** Kills before the user starts the server anew, which ends the count of deaths: the waits are then 250, 500 and 1000 ms. */
const IN_ROW = 3;
/** ms from a kill to the new server having the text, on a busy machine. On an idle one it is 2 s. */
const BACK_MS = 4000;
const TAP = join(scratch, 'tap');
const FILE = join(project, 'shop.rs');

let dice = BigInt(process.env.QUICKSILVER_SEED ?? 0x51ab1e5e) | 1n;
/** 0 up to `end`. (xorshift64*) */
function below(end) {
  dice ^= dice >> 12n;
  dice = BigInt.asUintN(64, dice ^ (dice << 25n));
  dice ^= dice >> 27n;
  return Number(BigInt.asUintN(64, dice * 0x2545f4914f6cdd1dn) >> 33n) % end;
}
const oneOf = (all) => all[below(all.length)];

function report(id, did, result) {
  console.log(`reliability | ${id} | ${did} | ${result}`);
}

/** Asks one tap; undefined where nobody listens, or not now. */
function askAt(socket, line) {
  return new Promise((done) => {
    const peer = connect(socket, () => peer.write(`${line}\n`));
    let said = '';
    peer.on('data', (chunk) => (said += chunk));
    peer.on('error', () => done(undefined));
    peer.on('close', () => {
      try {
        done(JSON.parse(said));
      } catch {
        done(undefined);
      }
    });
    peer.setTimeout(5000, () => peer.destroy());
  });
}

/** The sockets of the taps that run, the newest first: a page that was left may have its own for some seconds more. */
function sockets() {
  const born = (path) => statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
  const paths = readdirSync(TAP).filter((name) => name.endsWith('.sock')).map((name) => join(TAP, name));
  return paths.sort((a, b) => born(b) - born(a));
}

/** Asks the newest tap; undefined where none runs. */
async function ask(line) {
  for (const socket of sockets()) {
    const said = await askAt(socket, line);
    if (said !== undefined) return said;
  }
  return undefined;
}

const pid = async () => (await ask('pid'))?.pid;

/** Opens the sample, and has the editor that runs put the tap before its server. */
async function tapped(code) {
  rmSync(TAP, { recursive: true, force: true });
  mkdirSync(TAP, { recursive: true });
  code.configure({});
  await code.open('shop.rs');
  // A page that was left keeps its server for some seconds more.
  await until('one server', () => serverPids().length === 1);
  code.configure({ 'quicksilver.binary': join(__dirname, '..', 'tap.cjs') });
  await code.open('shop.rs');
  await until('the tap', pid);
  await until('no other server', () => serverPids().length === 0);
}

/** Saves, and waits until the server's text is what was saved; throws when it never is. */
async function compare(code, what) {
  await code.press('Escape');
  await code.press('Control+s');
  await until('saved', async () => (await code.page.locator('.tab.active.dirty').count()) === 0, 20_000);
  let said = '';
  const same = async () => {
    const digest = await ask('digest /shop.rs');
    const bytes = readFileSync(FILE);
    const hash = createHash('sha256').update(bytes).digest('hex');
    said = `${JSON.stringify(digest)}, the file has ${bytes.length} bytes`;
    return digest?.hash === hash && digest.inStep;
  };
  await until(`the text to be the server's ${what}`, same, 10_000).catch((error) => {
    throw new Error(`${error.message}: ${said}`);
  });
}

const WORDS = ['total', 'self.pieces', '😀', '変数', 'e\u0301', '"text"', 'fn f() {', '}', '// é', 'x = 1;'];

/** What people do, by keys. */
const KINDS = [
  (code) => code.page.keyboard.type(`${oneOf(WORDS)} ${oneOf(WORDS)}`),
  (code) => code.page.keyboard.type(`${oneOf(WORDS)}\n`),
  (code) => code.press('Control+z'),
  async (code) => {
    for (let i = 0; i < 3; i++) await code.press('Control+z');
    await code.press('Control+Shift+z');
  },
  (code) => code.press('Control+y'),
  (code) => code.press('Backspace'),
  (code) => code.press('Control+Delete'),
  (code) => code.press('Control+Shift+k'),
  (code) => code.press('Alt+ArrowUp'),
  (code) => code.press('Alt+ArrowDown'),
  (code) => code.press('Control+Slash'),
  (code) => code.press('Control+BracketRight'),
  (code) => code.press('Tab'),
  // Paste: lines at once, with line ends of another system.
  (code) => code.page.keyboard.insertText(`${oneOf(WORDS)}\r\n${oneOf(WORDS)}\n`),
  async (code) => {
    await code.press('Control+c');
    await code.press('Control+v');
  },
  // Several cursors: the next places of a word, or the lines below.
  async (code) => {
    for (let i = 0; i < 3; i++) await code.press('Control+d');
    await code.page.keyboard.type(oneOf(WORDS));
    await code.press('Escape');
  },
  async (code) => {
    for (let i = 0; i < 3; i++) await code.press('Control+Shift+ArrowDown');
    await code.page.keyboard.type(oneOf(WORDS));
    await code.press('Escape');
  },
  // Rename: all places of a word.
  async (code) => {
    await code.press('Control+F2');
    await code.page.keyboard.type(oneOf(['pieces', 'total', 'self']));
    await code.press('Escape');
  },
];

async function go(code) {
  await code.press('Control+Home');
  for (let i = below(30); i > 0; i--) await code.press('ArrowDown');
  for (let i = below(5); i > 0; i--) await code.press('Control+ArrowRight');
}

/** Processes of this run, found by their command line. */
function engines() {
  const isOurs = (id) => {
    try {
      const line = readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0');
      return line.includes('engine') && line.some((arg) => arg.includes(process.env.XDG_RUNTIME_DIR));
    } catch {
      return false;
    }
  };
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isOurs(name)).length;
}

module.exports = {
  'D3: the server has the text of a working day': async (code) => {
    await tapped(code);
    let compared = 0;
    for (let edit = 1; edit <= EDITS; edit++) {
      if (below(4) === 0) await go(code);
      await oneOf(KINDS)(code);
      if (edit % 100 === 50) await code.command('Reindent Lines');
      if (edit % BATCH === 0) {
        await compare(code, `after ${edit} edits`);
        compared += 1;
      }
    }
    report('D3', `VS Code: ${EDITS} edits as of a person, ${compared} digests compared with the saved file`, '0 divergences');
  },
  'K2: a killed server comes back with the text': async (code) => {
    await tapped(code);
    await compare(code, 'before');
    const waits = [];
    let most = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      if (kill % IN_ROW === 0 && kill > 0) {
        const before = await pid();
        await code.command('Quicksilver: Restart');
        await until('the server, as told', async () => {
          const now = await pid();
          return now !== undefined && now !== before;
        });
        await code.page.locator('.monaco-editor .view-lines').first().click();
      }
      const before = await until('the server', pid);
      await code.page.keyboard.type(`// ${kill} 😀\n`);
      const killed = Date.now();
      process.kill(before, 'SIGKILL');
      // Typing goes on while nobody listens.
      await code.page.keyboard.type(`// after ${kill}\n`);
      const back = async () => {
        const now = await pid();
        return now !== undefined && now !== before && (await ask('digest /shop.rs'))?.inStep;
      };
      while (!(await back())) {
        if (Date.now() - killed > 30_000) throw new Error(`no server after kill ${kill}`);
        await new Promise((wake) => setTimeout(wake, 10));
      }
      waits.push(Date.now() - killed);
      await compare(code, `after kill ${kill}`);
      most = Math.max(most, engines());
    }
    waits.sort((a, b) => a - b);
    const percentile = (percent) => waits[Math.max(0, Math.ceil((waits.length * percent) / 100) - 1)];
    const [median, p99, worst] = [percentile(50), percentile(99), waits.at(-1)];
    await code.command('Quicksilver: Disable');
    await until('the last engine to go', () => engines() === 0, 10_000);
    await code.command('Quicksilver: Enable');
    code.configure({});
    report(
      'K2',
      `VS Code: ${KILLS} kills of the server while someone types`,
      `text re-sent and equal each time; back ${median} ms (median), ${p99} ms (p99), ${worst} ms (worst) after the kill, a back-off of 250 ms to 1 s in it; never more than ${most} engines, 0 orphans`,
    );
    equal('back in time', worst < BACK_MS, true);
  },
};
