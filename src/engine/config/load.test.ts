import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { entrySchema } from '../../outputs/registry.ts';
import { checkSchema } from '../core/check-schema.ts';
import { loadOptions } from '../ruleset.ts';
import { load as loadWhole } from './config.ts';
import { loadConfig } from './load.ts';
import { type CoreConfig, coreSection } from './options.ts';

function withFiles(files: Record<string, string>, act: (main: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'rf-config-'));
  try {
    mkdirSync(join(folder, 'config.d'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    act(join(folder, 'config.yaml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const load = (file: string, env: NodeJS.ProcessEnv = {}, set: string[] = []) =>
  loadConfig<CoreConfig>((value) => checkSchema(coreSection.schema, value), { file, env, set });

test('file, drop-ins in byte order, environment and flags: later wins, maps merge, lists replace', () => {
  withFiles(
    {
      'config.yaml': 'mode: enforce\nlog: {level: warn, format: json}\nrules_files: [a, b]\n',
      'config.d/20.yaml': 'log: {level: debug}\n',
      'config.d/10.yaml': 'log: {level: error}\nrules_files: [c]\n',
    },
    (main) => {
      const env = { RINGFENCE__CONTAINERS__WAIT: '2s', RINGFENCE__PRIORITY: 'error' };
      const { config, diagnostics, origins } = load(main, env, ['priority=notice']);
      assert.deepEqual(diagnostics, []);
      assert.equal(config?.mode, 'enforce');
      assert.deepEqual(config?.log, { level: 'debug', format: 'json' });
      assert.deepEqual(config?.rules_files, ['c']);
      assert.equal(config?.containers.wait, '2s');
      assert.equal(config?.priority, 'notice');
      assert.equal(config?.rule_matching, 'all');
      assert.match(origins.get('log.level') ?? '', /config\.d\/20\.yaml:1$/);
      assert.equal(origins.get('priority'), '--set priority');
      assert.equal(origins.get('containers.wait'), 'env RINGFENCE__CONTAINERS__WAIT');
      assert.equal(origins.has('rule_matching'), false);
    },
  );
});

test('`info` is a priority, as in Falco', () => {
  withFiles({ 'config.yaml': 'priority: info\n' }, (main) => {
    const { config, diagnostics } = load(main);
    assert.deepEqual(diagnostics, []);
    assert.equal(config && loadOptions(config).minPriority, 6);
  });
});

test('every unknown key and wrong value is reported, with position and suggestion', () => {
  withFiles({ 'config.yaml': 'mod: enforce\nlog:\n  level: loud\nwatch_files: 3\n' }, (main) => {
    const { config, diagnostics } = load(main);
    assert.equal(config, undefined);
    assert.deepEqual(
      diagnostics.map((d) => [d.code, d.line, d.column, d.help]),
      [
        ['E_CONFIG_UNKNOWN_KEY', 1, 1, 'did you mean "mode"?'],
        ['E_CONFIG_VALUE', 3, 10, undefined],
        ['E_CONFIG_VALUE', 4, 14, undefined],
      ],
    );
    assert.match(
      diagnostics[1]!.message,
      /"log\.level" must be one of debug, info, warn, error, silent, not "loud"/,
    );
    assert.equal(diagnostics[1]!.snippet, '  level: loud\n         ^');
  });
});

test('a file that is not YAML, a file that is not there and a malformed --set are each a diagnostic', () => {
  withFiles({ 'config.yaml': 'mode: [enforce\n' }, (main) => {
    assert.deepEqual(
      load(main).diagnostics.map((d) => d.code),
      ['E_CONFIG_YAML'],
    );
    assert.deepEqual(
      load(`${main}.no`, {}, ['mode']).diagnostics.map((d) => d.code),
      ['E_CONFIG_READ', 'E_CONFIG_VALUE'],
    );
  });
});

test('what is missing is told at the part that needs it, and a misspelt kind of output with what it may be', () => {
  withFiles({ 'config.yaml': 'outputs:\n  file: {}\n  htpp:\n    url: x\n' }, (main) => {
    const { diagnostics } = loadWhole(entrySchema, { file: main, env: {} });
    assert.deepEqual(
      diagnostics.map((d) => [d.code, d.message.split(' ')[0], d.line, d.column, d.help?.split('?')[0]]),
      [
        ['E_CONFIG_MISSING', '"outputs.file.path"', 2, 3, undefined],
        ['E_CONFIG_MISSING', '"outputs.htpp.type"', 3, 3, 'did you mean "http"'],
      ],
    );
  });
});
