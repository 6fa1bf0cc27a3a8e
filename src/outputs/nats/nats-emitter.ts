// Run by the tests and killed by them: emits alerts for ever and says which are safe in the spool or sent.
import { testAlerts } from '../testing/alerts.ts';
import { FAST, openOutputs } from '../testing/open.ts';

const [folder = '', url = '', from = '0'] = process.argv.slice(2);
const outputs = await openOutputs({ nats: { url, ...FAST } }, folder);
for (let at = Number(from); ; at += 50) {
  outputs.emit(testAlerts(50, at));
  await new Promise((resolve) => setTimeout(resolve, 15));
  const { spooled = 0, sent = 0, accepted = 0, queued = 0 } = outputs.stats()[0] ?? {};
  process.stdout.write(`${JSON.stringify({ accepted, queued, spooled, sent })}\n`);
}
