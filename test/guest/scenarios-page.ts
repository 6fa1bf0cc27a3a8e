import type { GuestReport, GuestTest } from './results.ts';

/** What one kernel gave. */
export interface Column {
  readonly kernel: string;
  readonly report: GuestReport;
  /** Why the guest did not come to its end. */
  readonly failed?: string;
}

const HEAD = `# Which scenario holds on which kernel

Each line is a real act, done while a real engine watches, with the alerts that it must raise and near misses that must
stay silent (\`test/scenarios\`). Written by \`node dist/test/guest/scenarios.js --host --write\`, as root, after
\`scripts/setup test\`; \`.ci/long\` runs it. \`--kernel 6.1\` takes one kernel, \`RINGFENCE_SCENARIO=TEXT\` the scenarios
with that text in their names. \`–\`: not run there.

`;

const mark = (test: GuestTest | undefined): string => {
  if (test === undefined) return '–';
  if (test.error !== undefined) return '**fails**';
  return test.skip === undefined ? 'yes' : 'skipped';
};

/** Scenarios only: what stands above them in the report sums them up. */
function scenarios(report: GuestReport): Map<string, GuestTest> {
  return new Map(report.tests.filter((test) => test.name.includes(' › ')).map((test) => [test.name, test]));
}

/** A scenario that names its file needs no more. */
const shown = (name: string): string => (name.endsWith('.yaml)') ? name.replace(/^.* › /, '') : name);

/** A table of all scenarios by kernel, and the reasons of those that were skipped. */
export function scenariosPage(columns: readonly Column[]): string {
  const results = columns.map(({ report }) => scenarios(report));
  const names = [...new Set(results.flatMap((tests) => [...tests.keys()]))];
  const count = (tests: Map<string, GuestTest>, what: string): number =>
    [...tests.values()].filter((test) => mark(test) === what).length;
  const sums = columns.map(({ kernel }, i) => {
    const tests = results[i]!;
    return `- ${kernel}: ${count(tests, 'yes')} hold, ${count(tests, '**fails**')} fail, ${count(tests, 'skipped')} skipped`;
  });
  const skips = new Set(
    results.flatMap((tests) => [...tests.values()].flatMap(({ skip }) => (skip === undefined ? [] : [skip]))),
  );
  const lines = [
    ...sums,
    ...(skips.size === 0 ? [] : ['', `Skipped: ${[...skips].sort().join('; ')}.`]),
    '',
    `| scenario | ${columns.map(({ kernel }) => kernel).join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...names.map(
      (name) =>
        `| ${shown(name).replaceAll('|', '\\|')} | ${results.map((tests) => mark(tests.get(name))).join(' | ')} |`,
    ),
  ];
  return `${HEAD}${lines.join('\n')}\n`;
}
