/**
 * A scripted engine: answers `/v1/fim/completions` as the real one does, with the frames and the text that the test
 * gives it, each after its wait. No model. Prints its address; `node engine.cjs` runs one with a slow span of five
 * lines.
 */

const { createServer } = require('node:http');

/** A span of five lines, indented as its place in the sample is: what is decided in each step, masks as the model sees them. */
const SPAN = ['{', '    let mut total = 0;', '    total += self.count;', '    total', '};'].join('\n            ');
/** ms between frames: the model of a slow machine. */
const STEP_MS = 60;

/** The span after each step: ever more of its words are decided, from both ends. */
function framesOf(text, steps) {
  const words = text.split(/(?<=\s)/);
  return Array.from({ length: steps }, (_, step) => {
    const decided = Math.floor((words.length * step) / steps);
    const kind = (index) => (index % 2 === 0 ? index / 2 : words.length - 1 - (index - 1) / 2);
    const order = words.map((_, index) => kind(index)).map(Math.floor);
    const known = new Set(order.slice(0, decided));
    const fresh = new Set(order.slice(Math.max(0, decided - 1), decided));
    const runs = words.map((word, index) => {
      const state = fresh.has(index) ? 'changed' : known.has(index) ? 'committed' : 'masked';
      return { text: word, kind: state, confidence: 0.5 };
    });
    return { step, runs };
  });
}

/** @param script `{ text, steps, stepMs }` for a request's body */
function startEngine(script) {
  const asked = [];
  const server = createServer((request, response) => {
    if (request.url === '/v1/models') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'scripted', object: 'model', owned_by: 'quicksilver' }] }));
      return;
    }
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', async () => {
      const fim = JSON.parse(body);
      asked.push(fim);
      const { text, steps, stepMs } = script(fim);
      const choice = (rest) => ({ index: 0, text, finish_reason: null, ...rest });
      const event = (choices, more) => ({ id: '1', object: 'text_completion', created: 0, model: 'scripted', choices, ...more });
      const report = { steps, ms: 1, queued_ms: 0, confidence: 0.9, show: true, source: 'network', device: 'cpu' };
      const last = event([choice({ finish_reason: 'stop' })], {
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        quicksilver: report,
      });
      response.setHeader('content-type', fim.stream ? 'text/event-stream' : 'application/json');
      if (!fim.stream) {
        response.end(JSON.stringify(last));
        return;
      }
      for (const frame of text === '' ? [] : framesOf(text, steps)) {
        if (response.destroyed) return;
        response.write(`data: ${JSON.stringify(event([choice({ frame })]))}\n\n`);
        await new Promise((wake) => setTimeout(wake, stepMs));
      }
      response.end(`data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
    });
  });
  return new Promise((started) => {
    server.listen(0, '127.0.0.1', () => {
      started({ asked, address: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() });
    });
  });
}

module.exports = { SPAN, startEngine };

if (require.main === module) {
  startEngine(() => ({ text: SPAN, steps: 12, stepMs: STEP_MS })).then(({ address }) => console.log(address));
}
