import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Daemons } from './lib/containers/daemons.ts';
import { type AlertLine, LiveEngine, liveSkip } from './lib/engine.ts';

const IMAGE = 'localhost/ringfence-busybox:1';
const RULES = `
- rule: Echo in a container
  desc: echo ran in a container.
  condition: evt.type = execve and container and proc.args startswith rf-mark
  output: >
    %container.id %container.full_id %container.name %container.type %container.image %container.image.repository
    %container.image.tag %container.privileged %container.label.purpose %container.mount.source[/rf-source] %proc.args
    %container.start_ts %user.name
  priority: NOTICE
- macro: container
  condition: (container.id != host)
`;

describe('containers of real runtimes', { skip: liveSkip() }, () => {
  let daemons: Daemons | undefined;
  let why = '';
  let engine: LiveEngine;

  before(async () => {
    const root = mkdtempSync(join(tmpdir(), 'rf-runtimes-'));
    daemons = await Daemons.start(root).catch((error: Error) => {
      why = `needs Docker: ${error.message.split('\n')[0]}`;
      return undefined;
    });
    if (daemons === undefined) return;
    const containers = { enabled: true, host_root: root, wait: '5s' };
    engine = await LiveEngine.start({ config: { builtin_rules: false, containers }, rules: RULES });
  });
  after(async () => {
    await engine?.stop();
    await daemons?.stop();
  });

  async function alertOf(mark: string): Promise<AlertLine['output_fields']> {
    const found = (): AlertLine | undefined =>
      engine.alerts.find((alert) => alert.output_fields['proc.args'] === mark);
    await engine.until(() => found() !== undefined, 5000);
    return found()?.output_fields ?? assert.fail(`no alert of ${mark}\n${engine.stderr.slice(-500)}`);
  }

  const test = (name: string, body: (daemons: Daemons) => Promise<void>): void =>
    void it(name, async (t: TestContext) => {
      if (daemons === undefined) t.skip(why);
      else await body(daemons);
    });

  test('Docker: name, image, labels and mounts', async (own) => {
    const about = [
      '--label',
      'purpose=test',
      '--volume',
      `${own.root}/image:/rf-source:ro`,
      '--network',
      'none',
    ];
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];
    const id = await own.run(
      'docker',
      'run',
      '-d',
      '--name',
      'rf-docker',
      ...about,
      ...limits,
      IMAGE,
      'sleep',
      '1000',
    );
    await own.run('docker', 'exec', '--user', 'app', 'rf-docker', 'echo', 'rf-mark', 'docker');
    const { 'container.start_ts': started, ...fields } = await alertOf('rf-mark docker');
    assert.match(String(started), /^1\d{18}$/);
    delete (fields as Record<string, unknown>)['evt.time'];
    assert.deepEqual(fields, {
      'container.id': id.slice(0, 12),
      'container.full_id': id,
      'container.name': 'rf-docker',
      'container.type': 'docker',
      'container.image': IMAGE,
      'container.image.repository': 'localhost/ringfence-busybox',
      'container.image.tag': '1',
      'container.privileged': false,
      'container.label.purpose': 'test',
      'container.mount.source[/rf-source]': `${own.root}/image`,
      'k8s.ns.name': null,
      'k8s.pod.name': null,
      'proc.args': 'rf-mark docker',
      'user.name': 'app',
    });
    await own.run('docker', 'rm', '--force', 'rf-docker');
  });

  test('containerd: image and labels', async (own) => {
    const id = randomBytes(32).toString('hex');
    await own.run('ctr', 'run', '--detach', '--label', 'purpose=test', IMAGE, id, 'sleep', '1000');
    await own.run('ctr', 'task', 'exec', '--exec-id', 'echo', id, 'echo', 'rf-mark', 'containerd');
    const fields = await alertOf('rf-mark containerd');
    assert.equal(fields['container.id'], id.slice(0, 12));
    assert.equal(fields['container.type'], 'containerd');
    assert.equal(fields['container.image'], IMAGE);
    assert.equal(fields['container.image.repository'], 'localhost/ringfence-busybox');
    assert.equal(fields['container.label.purpose'], 'test');
    assert.equal(fields['user.name'], 'root');
    await own.run('ctr', 'task', 'kill', '--signal', 'KILL', id);
  });
});
