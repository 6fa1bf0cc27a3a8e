import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entrySchema } from '../../outputs/registry.ts';
import { load } from '../config/config.ts';
import { CAPABILITIES, serviceUnit, writableFolders } from './service-unit.ts';

const plain = serviceUnit({ program: '/bin/true', config: undefined, pin: false });

test('the bounding set is the table, and memory protection that V8 cannot live with is not set', () => {
  assert.match(plain, new RegExp(`^CapabilityBoundingSet=${Object.keys(CAPABILITIES).join(' ')}$`, 'm'));
  assert.doesNotMatch(plain, /^MemoryDenyWriteExecute/m);
  assert.match(plain, /^Type=notify$/m);
  assert.doesNotMatch(plain, /^ReadWritePaths/m);
});

test('paths with blanks, quotes, percent and dollar signs reach the command line as they are', () => {
  const unit = serviceUnit({ program: '/opt/a b/%n$x', config: '/etc/"q"\nExecStart=/evil', pin: true });
  assert.match(unit, /^ExecStart="\/opt\/a b\/%%n\$\$x" run --config "\/etc\/\\"q\\"\\nExecStart=\/evil"$/m);
  assert.equal(unit.split('\n').filter((line) => line.startsWith('ExecStart=')).length, 1);
  assert.match(unit, /^ReadWritePaths=\/sys\/fs\/bpf$/m);
});

test('what the configuration writes to elsewhere is writable, and nothing else', () => {
  const folders = (...set: string[]): string[] => {
    const { config, diagnostics } = load(entrySchema, { env: { RINGFENCE_CONFIG: '/dev/null' }, set });
    assert.ok(config, JSON.stringify(diagnostics));
    return writableFolders(config);
  };
  assert.deepEqual(folders(), []);
  assert.deepEqual(
    folders(
      'outputs.file.path=/srv/out/alerts.json',
      'outputs.audit.path=/mnt/audit',
      'outputs.audit.anchor_file=/mnt/far/anchors',
      'outputs.syslog.path=/dev/log',
      'outputs.http={url: "http://127.0.0.1/", spool: {path: /srv/spool}}',
      'http.socket=/run/ringfence/http.sock',
    ),
    ['/mnt/audit', '/mnt/far', '/srv/out', '/srv/spool'],
  );
  const unit = serviceUnit({
    program: '/bin/true',
    config: undefined,
    pin: false,
    writable: ['/a b', '/c$%'],
  });
  assert.match(unit, /^ReadWritePaths="-\/a b" -\/c\$%%$/m);
});
