import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { parseDuration } from '../../src/engine/core/units.ts';
import { kernelLines } from '../guest/kernels.ts';

/** One step of the long mode: a command that ends with 0 when all is well. */
export interface Part {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** A part that takes longer has failed. */
  readonly minutes: number;
}

const SOAK = process.env.RINGFENCE_SOAK ?? '20m';
const SOAK_MINUTES = (parseDuration(SOAK) ?? 0) / 60_000;

/** How much more than in an ordinary run. */
const MORE = {
  RINGFENCE_LONG: '1',
  RINGFENCE_SOAK: SOAK,
  RINGFENCE_RELOADS: '1000',
  RINGFENCE_CRASH_ROUNDS: '100',
  RINGFENCE_FUZZ_RUNS: '20000',
  RINGFENCE_CGROUPS: '1000',
  RINGFENCE_FLOOD_MS: '2000',
  RINGFENCE_BOMB_MS: '10000',
  RINGFENCE_SHORT_LIVED: '100000',
};

/** What is said of a file of test/reliability; the others go by their name. */
const WHAT: Readonly<Record<string, string>> = {
  'crash-loop': 'killed 100 times with pinned enforcement, also while it starts',
  crash: 'killed 100 times at a random moment',
  exhaustion: '100,000 short-lived processes',
  'hostile-input': '20,000 damaged inputs of each kind',
  reload: '1,000 reloads under load',
  soak: `one engine, one fault after another, for ${SOAK}`,
};

const SOURCES = /\.(live\.)?test\.js$/;

const tests = (...args: readonly string[]): string[] => [
  process.execPath,
  '--enable-source-maps',
  '--test',
  '--test-reporter=spec',
  '--test-concurrency=1',
  ...args,
];

const built = (file: string): string => join(PACKAGE_ROOT, 'dist', file);

/** The tests of test/reliability, a part each; the longest last. */
function reliability(): Part[] {
  const names = readdirSync(built('test/reliability'))
    .filter((file) => SOURCES.test(file))
    .sort((a, b) => Number(a.startsWith('soak')) - Number(b.startsWith('soak')) || a.localeCompare(b));
  return names.map((file) => {
    const name = basename(file).replace(SOURCES, '');
    return {
      name,
      what: WHAT[name] ?? `test/reliability/${file.replace(/js$/, 'ts')}`,
      command: tests(built(join('test/reliability', file))),
      env: MORE,
      minutes: name === 'soak' ? SOAK_MINUTES + 15 : 30,
    };
  });
}

/** Everything that the long mode does, in this order. */
export function longParts(): Part[] {
  return [
    ...reliability(),
    {
      name: 'replay',
      what: 'a recording of ten million events',
      command: tests(built('src/engine/tools/replayer.live.test.js')),
      env: MORE,
      minutes: 30,
    },
    {
      name: 'scenarios',
      what: 'all scenarios, here and in guests; writes docs/scenarios.md',
      command: [
        process.execPath,
        '--enable-source-maps',
        built('test/guest/scenarios.js'),
        '--host',
        '--write',
      ],
      env: {},
      minutes: 180,
    },
    ...kernelLines.map((kernel) => ({
      name: `guest-${kernel}`,
      what: `refusals, guard, sensors, privileges on Debian's ${kernel} kernel, emulated`,
      command: tests(
        `--test-name-pattern=^on Debian's ${kernel.replace('.', '\\.')} kernel`,
        built('test/guest/matrix.test.js'),
      ),
      env: { RINGFENCE_LONG: '1' },
      minutes: 100,
    })),
  ];
}
