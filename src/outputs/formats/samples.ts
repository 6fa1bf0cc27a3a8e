import type { Alert } from '../../engine/core/alert.ts';
import { internalAlert } from '../internal-alert.ts';
import { hostileAlert, TEST_TIME_NS, testAlert } from '../testing/alerts.ts';

const BOOT_ID = '0f0e0d0c-0b0a-4908-8706-050403020100';

/** Alerts that between them use everything that formats have a place for. */
export const SAMPLES: Readonly<Record<string, Alert>> = {
  file: testAlert(1),
  denied: testAlert(2, {
    rule: 'Block outbound to mining pools',
    priority: 2,
    tags: ['T1059.004', 'T1496', 'mitre_execution', 'mitre_impact', 'network'],
    message:
      'Outbound connection refused (command=xmrig -o pool:3333 connection=10.0.0.5:40000->203.0.113.10:3333)',
    fields: {
      'evt.type': 'connect',
      'proc.name': 'xmrig',
      'proc.exepath': '/tmp/xmrig',
      'proc.cmdline': 'xmrig -o pool:3333 --a=b',
      'proc.pid': 4242,
      'proc.pname': 'bash',
      'proc.ppid': 4200,
      'user.name': 'www-data',
      'user.uid': 33,
      'fd.name': '10.0.0.5:40000->203.0.113.10:3333',
      'fd.l4proto': 'tcp',
      'container.id': '3ad7b26ded6d',
      'container.name': 'web|1',
      'container.image.repository': 'docker.io/library/nginx',
      'container.image.tag': '1.27',
      'k8s.pod.name': 'web-7d9',
      'k8s.ns.name': 'shop',
      'proc.aname': ['bash', 'containerd-shim'],
    },
    guarantee: 'denied',
    denyEntry: 'pool-17',
  }),
  v6: testAlert(3, {
    guarantee: 'would_deny',
    priority: 0,
    fields: {
      'evt.type': 'connect',
      'fd.sip': '2001:db8::1',
      'fd.sport': 443,
      'fd.cip': '2001:db8::2',
      'fd.cport': 50_000,
      'proc.is_exe_writable': true,
      'proc.pid.ts': 1785492930000000123n,
      'thread.cap_effective': -9007199254740993n,
      'proc.load': 0.5,
      'proc.ratio': Number.NaN,
      __proto__x: 'x',
    },
  }),
  hostile: hostileAlert(4),
  internal: {
    ...internalAlert(
      { rule: 'Falco internal: syscall event drop', priority: 7, message: 'Lost 3 events', fields: { n: 3 } },
      'node-7',
    ),
    uuid: '11111111-2222-4333-8444-555555555555',
    timeNs: TEST_TIME_NS,
    bootId: BOOT_ID,
  },
};
