import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostileAlert, testAlert } from '../../outputs/testing/alerts.ts';
import { NO_NATS, TestNatsServer } from '../../outputs/testing/nats-server.ts';
import { FAST, openOutputs, testFolder, until } from '../../outputs/testing/open.ts';
import { MODULE_EXTENSION, runModule } from '../../outputs/testing/run-module.ts';

/** Runs the command as a user does. */
function run(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const index = new URL(`./index${MODULE_EXTENSION}`, import.meta.url);
  const child = runModule(index, ['alerts', ...args], 'pipe');
  let [stdout, stderr] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test("a fleet's stream is followed by host, as text or JSON, and a durable reader goes on", {
  skip: NO_NATS,
  timeout: 60_000,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  outputs.emit([testAlert(1), testAlert(2, { hostname: 'other' }), hostileAlert(3), testAlert(4)]);
  await until('all were sent', () => outputs.stats()[0]?.sent === 4);
  await outputs.close(1000);

  const nats = ['--nats', server.url, '--from', 'all'];
  const text = await run([...nats, '--host', 'node-7', '-n', '3']);
  assert.equal(text.code, 0, text.stderr);
  const lines = text.stdout.trimEnd().split('\n');
  assert.equal(lines.length, 3);
  assert.match(
    lines[0] ?? '',
    /^\S+Z node-7 Warning {2}Demo sensitive read: Sensitive file opened .*number=1\)$/,
  );
  assert.doesNotMatch(text.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);

  const first = await run([...nats, '--durable', 'soc', '--json', '-n', '2']);
  const second = await run([...nats, '--durable', 'soc', '--json', '-n', '2']);
  const uuids = [first, second].flatMap(({ stdout }) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { uuid: string }).uuid),
  );
  // The last alert of a call may come again in the next: it is acknowledged only when the next is asked for.
  assert.ok(new Set(uuids).size >= 3, first.stderr + second.stderr);
});

test('what is missing or wrong on the command line is said, with exit code 2', async () => {
  const missing = await run([]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /--nats URL is needed/);
  assert.equal((await run(['--nats', 'nats://127.0.0.1:1', '--from', 'yesterday'])).code, 2);
});
