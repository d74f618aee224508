/**
 * Takes the picture of a span being refined that VS Code's README shows, from a real engine:
 *
 *   node record.cjs EDITOR VSIX PROJECT SCRATCH ARTIFACTS MODEL
 *
 * MODEL is a copy of engine/models/embedded whose config.json says `"network": "denoise"`: without the network there is
 * nothing to refine. The picture is ARTIFACTS/refinement.png.
 */

const { join } = require('node:path');
const { START, artifacts, serverPids, start } = require('./workbench.cjs');

const TRIES = 20;

async function main() {
  const { server, browser, code } = await start();
  code.configure({ 'quicksilver.model': process.argv[7] });
  await code.open('shop.rs');
  await code.suggest();
  for (let i = 0; i < TRIES; i++) {
    // A name that was not there before, so that no earlier answer fits.
    await code.write(START.replace('pieces', `pieces${i}`), { atOnce: true });
    const end = Date.now() + 1500;
    while (Date.now() < end) {
      const text = await code.ghost();
      if (text.includes('░') && /[a-z]{2}/.test(text)) {
        // A screenshot takes longer than a step: the engine waits for it.
        for (const pid of serverPids('engine')) process.kill(pid, 'SIGSTOP');
        await new Promise((wake) => setTimeout(wake, 300));
        const stands = await code.ghost();
        const { x } = await code.page.locator('.monaco-editor').first().boundingBox();
        const { y } = await code.page.locator('.monaco-editor .cursor').first().boundingBox();
        const clip = { x, y: y - 100, width: 720, height: 160 };
        if (stands.includes('░')) await code.page.screenshot({ path: join(artifacts, 'refinement.png'), clip });
        for (const pid of serverPids('engine')) process.kill(pid, 'SIGCONT');
        if (stands.includes('░')) {
          console.log(`refined: ${stands}`);
          await browser.close();
          process.kill(-server.pid, 'SIGTERM');
          return;
        }
      }
    }
  }
  process.kill(-server.pid, 'SIGTERM');
  throw new Error('no span was seen being refined');
}

main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
