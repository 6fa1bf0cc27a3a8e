import { createHash } from 'node:crypto';
import type { Alert } from '../../engine/core/alert.ts';
import { createLog, type Log } from '../../engine/core/log.ts';
import type { MetricSink } from '../../engine/core/metrics.ts';

/** 2026-07-31T10:15:30.000000123Z */
export const TEST_TIME_NS = 1785492930000000123n;

/** An alert for tests; `n` makes its identity. */
export function testAlert(n = 0, changes: Partial<Alert> = {}): Alert {
  const hex = createHash('sha256').update(`alert ${n}`).digest('hex');
  return {
    uuid: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
    timeNs: TEST_TIME_NS + BigInt(n) * 1_000_000n,
    rule: 'Demo sensitive read',
    priority: 4,
    source: 'syscall',
    tags: ['T1555', 'filesystem', 'host', 'mitre_credential_access'],
    hostname: 'node-7',
    message: `Sensitive file opened (file=/etc/shadow process=cat number=${n})`,
    fields: {
      'evt.type': 'openat',
      'fd.name': '/etc/shadow',
      'proc.name': 'cat',
      'proc.pid': 4711,
      'proc.aname[2]': null,
      'test.number': n,
    },
    guarantee: 'observed',
    tier: 'lsm',
    bootId: '0f0e0d0c-0b0a-4908-8706-050403020100',
    policyGeneration: 3,
    location: { file: '/etc/ringfence/rules.d/demo.yaml', line: 12 },
    ...changes,
  };
}

/** Text that tries to break out of every medium that outputs write to. */
export const HOSTILE =
  'a"b\\c\nd\re\tf\u0000g\u001b[31mred\u001b]0;title\u0007\u009b2J\u007f|=,;]}{<b>\u2028\u202eevil\u2066x\ufeff é 漢 😀 %s $(id) `id` \ud800';

export function hostileAlert(n = 0): Alert {
  return testAlert(n, {
    rule: `Rule ${HOSTILE}`,
    message: `Message ${HOSTILE}`,
    fields: { 'evt.type': 'openat', 'proc.name': HOSTILE, 'fd.name': `/tmp/${HOSTILE}`, 'test.number': n },
  });
}

export function testAlerts(count: number, from = 0): Alert[] {
  return Array.from({ length: count }, (_, i) => testAlert(from + i));
}

export const silentLog: Log = createLog({ level: 'silent' });

/** Counts nothing. */
export const noMetrics: MetricSink = { add() {}, set() {}, observe() {} };
