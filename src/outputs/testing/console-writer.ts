// Run by the tests: fills a pipe that nobody reads at first. Exit code 1 = the event loop was stalled.
import { testAlerts } from './alerts.ts';
import { FAST, openOutputs } from './open.ts';

let longest = 0;
let last = performance.now();
const timer = setInterval(() => {
  longest = Math.max(longest, performance.now() - last);
  last = performance.now();
}, 10);
const outputs = await openOutputs({ console: { ...FAST, send_timeout_ms: 300 } }, '/nonexistent');
outputs.emit(testAlerts(3000));
await outputs.close(30_000);
clearInterval(timer);
process.exitCode = longest < 1000 ? 0 : 1;
