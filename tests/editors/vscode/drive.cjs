/**
 * Drives a real VS Code (code-server in Chromium) as a user would: installs the packaged extension, opens the sample
 * project, types, looks, accepts, and reads what was saved.
 *
 *   node drive.cjs EDITOR VSIX PROJECT SCRATCH ARTIFACTS
 *
 * Prints a line per test and "N passed, M failed". Screenshots are left in ARTIFACTS.
 */

const { cpSync } = require('node:fs');
const { join } = require('node:path');
const { artifacts, scratch, start } = require('./workbench.cjs');

const only = process.env.ONLY ?? '';

/**
 * In this order: each leaves the editor as a user would. The refinement and the definitions late: they change which engine
 * answers; what puts a tap before the server last.
 */
const tests = {
  ...require('./spec/ghost.cjs'),
  ...require('./spec/menu.cjs'),
  ...require('./spec/fill.cjs'),
  ...require('./spec/refinement.cjs'),
  ...require('./spec/definitions.cjs'),
  ...require('./spec/reliability.cjs'),
};

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
  const chosen = Object.entries(tests).filter(([name]) => name.includes(only));
  for (const [name, run] of chosen) {
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
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}

main().catch((error) => {
  console.log(`    ${error.stack}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
});
