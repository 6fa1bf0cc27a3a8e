import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AlertLine } from './lib/engine.ts';
import { liveSkip } from './lib/engine.ts';
import { differences } from './lib/scenario.ts';
import { UPSTREAM_RULES, upstreamSkip } from './lib/upstream-rules.ts';
import { EDGE_RULES } from './scenarios/lib/edge-rules.ts';
import { Stage, stageSkip } from './scenarios/lib/stage.ts';
import { compileSteps } from './scenarios/lib/steps.ts';
import {
  type Act,
  alertsOf,
  arrived,
  BARRIER_RULE,
  lacks,
  loadUpstream,
  perform,
  settle,
  type UpstreamScenario,
} from './scenarios/lib/upstream.ts';

/** One upstream rule never fires before its list is filled; see incubating.yaml. */
const OWN_RULES = `
- list: namespace_scope_network_only_subnet
  items: [rf-namespace]
`;

const only = process.env.RINGFENCE_SCENARIO;

describe('every upstream rule fires on the real act', {
  skip: liveSkip() || upstreamSkip() || stageSkip(),
}, () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.open(UPSTREAM_RULES, OWN_RULES + EDGE_RULES + BARRIER_RULE);
  });
  after(async () => {
    assert.equal(await stage?.close(), 0);
  });

  for (const { file, scenarios } of ['upstream', 'edges'].flatMap(loadUpstream)) {
    for (const scenario of scenarios) {
      const { rule, about } = scenario;
      const name = `${about === undefined ? rule : `${rule}: ${about}`} (${file})`;
      if (only !== undefined && !name.includes(only)) continue;
      test(name, async (t) => {
        const why = lacks(stage, scenario);
        if (why !== undefined) t.skip(why);
        else await check(scenario);
      });
    }
  }

  test('the start of a container raises the rules about containers with rights', async (t) => {
    const container = stage.container('privileged');
    if (!stage.metadata || container === undefined) return t.skip('needs podman');
    for (const rule of ['Launch Privileged Container', 'Launch Excessively Capable Container']) {
      const of = (id: string): AlertLine[] =>
        stage.engine.alerts.filter(
          (alert) => alert.rule === rule && alert.output_fields['container.id'] === id.slice(0, 12),
        );
      await stage.engine.until(() => of(container.id).length > 0, 5000);
      assert.notEqual(of(container.id).length, 0, rule);
      assert.deepEqual(of(stage.container('container')?.id ?? ''), []);
    }
  });

  test('an HTTP receiver gets one document an alert, as from Falco', async () => {
    const rule = 'Read sensitive file untrusted';
    const act: Act = { do: [{ openat: ['AT_FDCWD', '/etc/shadow', 'O_RDONLY'] }] };
    const mark = await perform(stage, act);
    await arrived(stage.engine, rule, mark, () => true);
    const mine = (): typeof stage.receiver.posted =>
      stage.receiver.posted.filter(({ body }) => body.includes(mark));
    await stage.engine.until(() => mine().length > 0, 5000);
    assert.equal(mine().length, 1);
    const [{ method, path, type, body } = assert.fail()] = mine();
    assert.deepEqual([method, path, type], ['POST', '/', 'application/json']);
    const alert = JSON.parse(body) as AlertLine;
    for (const key of ['hostname', 'output', 'priority', 'rule', 'source', 'tags', 'time'])
      assert.ok(key in alert);
    assert.match(String(alert.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    const { output_fields: fields } = alert;
    assert.match(String(fields['proc.env']), new RegExp(`(^| )${mark} `));
    assert.equal(fields['evt.hostname'], alert.hostname);
    assert.deepEqual([fields['user.uid'], fields['proc.tty'], fields['k8s.ns.name']], [0, 0, null]);
    assert.match(body, /"evt\.time":1\d{18},/);
  });

  test('ancestors are known of a shell that ran before the engine', async () => {
    const rule = 'Read sensitive file untrusted';
    const mark = `RF_MARK=elder-${process.pid}`;
    const steps = compileSteps([{ openat: ['AT_FDCWD', '/etc/shadow', 'O_RDONLY'] }], '');
    stage.elder.stdin.write(`(( ${mark} RF_STEPS='${steps}' ${stage.actor}; true ); true)\n`);
    const [alert] = await arrived(stage.engine, rule, mark, () => true);
    const fields = alert?.output_fields ?? {};
    const names = ['proc.pname', 'proc.aname[2]', 'proc.aname[3]'].map((name) => fields[name]);
    assert.deepEqual(names, ['sh', 'sh', 'sh']);
    assert.match(String(fields['proc.aname[4]']), /^(node|MainThread)$/);
  });

  async function check(scenario: UpstreamScenario): Promise<void> {
    const { engine } = stage;
    const { rule, fields, output } = scenario;
    const expected = { rule, ...(fields && { fields }), ...(output !== undefined && { output }) };
    const wanted = (alert: AlertLine): boolean => differences([alert], [expected]).length === 0;
    const got = await arrived(engine, rule, await perform(stage, scenario), wanted);
    assert.notEqual(got.length, 0, `no alert\n${engine.stderr.slice(-500)}`);
    assert.ok(
      got.some(wanted),
      `${differences(got.slice(0, 1), [expected]).join('\n')}\n${JSON.stringify(got[0], null, 1)}`,
    );
    for (const miss of scenario.misses ?? []) {
      const mark = await perform(stage, withFiles(miss, scenario));
      await settle(engine);
      assert.deepEqual(alertsOf(engine, rule, mark), [], `${miss.about} raised it`);
    }
  }

  function withFiles(miss: Act, { files, links }: UpstreamScenario): Act {
    return { ...(files && { files }), ...(links && { links }), ...miss };
  }
});
