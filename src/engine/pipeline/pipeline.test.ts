import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRules } from '../../rules/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { type RecordSpec, recordOf } from '../../sensors/record/build-record.ts';
import type { Alert } from '../core/alert.ts';
import { MetricBuffer } from '../core/metrics.ts';
import { BootClock } from '../enrich/clock.ts';
import type { ContainerMetadata } from '../enrich/container.ts';
import { ContainerRegistry } from '../enrich/containers.ts';
import { Enricher } from '../enrich/enricher.ts';
import { entryRule, guardRule, LANGUAGE } from '../ruleset.ts';
import { Pipeline } from './pipeline.ts';

const ID = 'c0'.repeat(32);
const NGINX = { type: 'docker', fullId: ID, name: 'web', repository: 'nginx', labels: new Map(), mounts: [] };

const RULES = `
- rule: Image
  desc: needs what the runtime tells
  condition: evt.type = unlink and container.image.repository = nginx
  output: image %container.image.repository
  priority: INFO
- rule: Name
  desc: only its output needs it
  condition: evt.type = rmdir
  output: name %container.name
  priority: INFO
- rule: Plain
  desc: needs nothing late
  condition: evt.type = mkdir
  output: plain %proc.name
  priority: INFO
`;

const exec: RecordSpec = {
  kind: 'exec',
  ts: 20,
  pid: 7,
  tid: 7,
  start: 7,
  comm: 'sh',
  args: 'sh\0',
  exe: '/bin/sh',
  cgroup: 5,
  cgroupPath: `/docker/${ID}`,
};
const call = (nr: number, seq: number): RecordSpec => ({
  kind: 'call',
  nr,
  ts: 30 + seq,
  seq,
  pid: 7,
  tid: 7,
  start: 7,
  comm: 'sh',
  cgroup: 5,
  ret: 0,
});
const UNLINK = 87;
const RMDIR = 84;
const MKDIR = 83;

function setup(waitMs: number, capacity = 10) {
  let answer: (metadata: ContainerMetadata | undefined) => void = () => {};
  const inspected = new Promise<ContainerMetadata | undefined>((resolve) => {
    answer = resolve;
  });
  const runtime = {
    name: 'fake',
    types: ['docker'] as const,
    available: true,
    inspect: () => inspected,
    close: () => {},
  };
  const enricher = new Enricher({
    proc: undefined,
    arch: 'x64',
    clock: new BootClock(() => 0n),
    containers: new ContainerRegistry([runtime]),
  });
  const alerts: Alert[] = [];
  const metrics = new MetricBuffer();
  const { rules } = loadRules([{ name: 'test', text: RULES }], LANGUAGE);
  const pipeline = new Pipeline(rules!, {
    enricher,
    hostname: 'node-7',
    bootId: 'boot',
    eventNames: EVENT_NAMES.names,
    metrics,
    emit: (batch) => alerts.push(...batch),
    tierOf: () => 'observe',
    decider: () => undefined,
    entryRule: entryRule(),
    guardRule: guardRule(),
    wait: { capacity, waitMs },
    bootNow: () => 100,
    explain: false,
  });
  const feed = (...specs: RecordSpec[]): void => {
    for (const spec of specs) pipeline.record(recordOf(spec));
    pipeline.flush();
  };
  const settle = async (metadata: unknown): Promise<void> => {
    answer(metadata as ContainerMetadata | undefined);
    for (let i = 0; i < 200 && pipeline.waiting > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const messages = (): string[] => alerts.map((alert) => alert.message);
  return { pipeline, alerts, metrics, feed, settle, messages };
}

test('what needs late metadata waits for it, what does not goes on, and nothing is lost or doubled', async () => {
  const { pipeline, feed, settle, messages } = setup(60_000);
  feed(exec, call(UNLINK, 1), call(RMDIR, 2), call(MKDIR, 3));
  assert.deepEqual(messages(), ['plain sh']);
  assert.equal(pipeline.waiting, 2);
  await settle(NGINX);
  assert.deepEqual(messages(), ['plain sh', 'image nginx', 'name web']);
  assert.equal(pipeline.waiting, 0);
});

test('without metadata in time it is evaluated with what is known, and counted', async () => {
  const { feed, messages, metrics } = setup(20);
  feed(exec, call(UNLINK, 1), call(RMDIR, 2));
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual(messages(), ['name <NA>']);
  const deferred = metrics.take().add.filter(([key]) => key === 'eventsDeferred');
  assert.deepEqual(deferred, [['eventsDeferred', ['timeout'], 2]]);
});

test('a full room lets the oldest go on, and the end lets all go', () => {
  const { pipeline, feed, messages } = setup(60_000, 1);
  feed(exec, call(RMDIR, 1), call(RMDIR, 2));
  assert.deepEqual(messages(), ['name <NA>']);
  pipeline.finish();
  assert.deepEqual(messages(), ['name <NA>', 'name <NA>']);
});

test('an alert has a stable id, the time of the event and the place of its rule', () => {
  const once = setup(0);
  const twice = setup(0);
  for (const { feed } of [once, twice]) feed(exec, call(MKDIR, 3), call(MKDIR, 4));
  const [first, second] = once.alerts;
  assert.equal(first?.timeNs, 33n);
  assert.equal(first?.location?.line, 12);
  assert.match(first?.uuid ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(first?.uuid, second?.uuid);
  assert.deepEqual(
    once.alerts.map((alert) => alert.uuid),
    twice.alerts.map((alert) => alert.uuid),
  );
});
