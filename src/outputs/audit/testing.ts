import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import type { Alert } from '../../engine/core/alert.ts';
import { alertEntry, type Entry } from './entry.ts';
import type { WriterOptions } from './writer.ts';

/** A new folder for each test of a file, removed after it. Test helper. */
export function folderPerTest(): () => string {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ringfence-audit-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return () => folder;
}

/** Options of a writer in a test. */
export function writerOptions(folder: string, more: Partial<WriterOptions> = {}): WriterOptions {
  return {
    folder,
    hostname: 'host1',
    bootId: '7d5e5c2e-0000-4000-8000-000000000001',
    version: '0.0.0',
    sync: 'normal',
    maxFileBytes: 1 << 30,
    ...more,
  };
}

/** An alert as the engine makes it. */
export function sampleAlert(n: number, more: Partial<Alert> = {}): Alert {
  return {
    uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    timeNs: 1_795_000_000_000_000_000n + BigInt(n) * 1_000_000n,
    rule: `Rule ${n % 7}`,
    priority: (n % 8) as Alert['priority'],
    source: 'syscall',
    tags: ['process', 'T1059'],
    hostname: 'host1',
    message: `A shell was spawned (user=root n=${n})`,
    fields: { 'user.name': 'root', 'proc.name': 'bash', 'proc.pid': 1000 + n, 'container.id': 'host' },
    guarantee: 'observed',
    tier: 'observe',
    bootId: '7d5e5c2e-0000-4000-8000-000000000001',
    policyGeneration: 1,
    ...more,
  };
}

/** Rows of alerts with the numbers `from` to `to`, both included. */
export function sampleEntries(from: number, to: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => alertEntry(sampleAlert(from + i)));
}
