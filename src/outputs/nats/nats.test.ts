import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog, testAlerts } from '../testing/alerts.ts';
import { NO_NATS, TestNatsServer } from '../testing/nats-server.ts';
import { FAST, openOutputs, testFolder, until } from '../testing/open.ts';
import { followAlerts } from './follow.ts';

const TLS_OFF = { verify: true, enabled: false };

/** Reads so many alerts of the stream from its beginning; fails if there are more. */
async function readStream(url: string, count: number): Promise<string[]> {
  const stop = new AbortController();
  const uuids: string[] = [];
  const options = { url, tls: TLS_OFF, host: '*', from: 'all' as const };
  const timer = setTimeout(() => stop.abort(), 20_000);
  for await (const alert of followAlerts(options, silentLog, stop.signal)) {
    uuids.push(alert.uuid);
    // A little longer than needed: a duplicate would come right behind.
    if (uuids.length === count) setTimeout(() => stop.abort(), 300);
  }
  clearTimeout(timer);
  return uuids;
}

test('10,000 alerts reach the stream exactly once and in order while the server is killed three times', {
  skip: NO_NATS,
  timeout: 90_000,
}, async (t) => {
  const folder = testFolder(t);
  const server = await TestNatsServer.start(folder);
  t.after(() => server.kill());
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  const alerts = testAlerts(10_000);
  for (let at = 0; at < alerts.length; at += 100) {
    outputs.emit(alerts.slice(at, at + 100));
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (at === 1000 || at === 4000 || at === 7000) {
      await server.kill();
      setTimeout(() => void server.start(), 300);
    }
  }
  await until('all were sent', () => outputs.stats()[0]?.sent === alerts.length, 60_000);
  assert.deepEqual(outputs.stats()[0]?.dropped, {});
  assert.ok((outputs.stats()[0]?.failures ?? 0) > 0, 'the kills were noticed');
  await outputs.close(2000);
  const stored = await readStream(server.url, alerts.length);
  assert.deepEqual(
    stored,
    alerts.map(({ uuid }) => uuid),
  );
});
