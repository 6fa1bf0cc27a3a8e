import { readFileSync } from 'node:fs';

interface Skip {
  readonly name: string;
  readonly reason: string;
}

interface Known {
  /** A part of the reason that the test gives. */
  readonly reason: string;
  /** Why this is fine here. */
  readonly because: string;
}

/** The skips that no known reason covers. */
export function unknownSkips(skips: readonly Skip[], known: readonly Known[]): Skip[] {
  return skips.filter((skip) => !known.some((entry) => skip.reason.includes(entry.reason)));
}

const [skipsFile, knownFile] = process.argv.slice(2);
if (skipsFile && knownFile && import.meta.url.endsWith('check-skips.js')) {
  const skips = readFileSync(skipsFile, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Skip);
  const known = JSON.parse(readFileSync(knownFile, 'utf8')) as Known[];
  const unknown = unknownSkips(skips, known);
  for (const skip of unknown)
    process.stderr.write(`skipped without a known reason: ${skip.name}: ${skip.reason}\n`);
  process.exitCode = unknown.length > 0 ? 1 : 0;
}
