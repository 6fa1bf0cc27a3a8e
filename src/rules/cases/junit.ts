import type { CaseResult } from './run.ts';

/** Results as JUnit XML, one suite a rule. */
export function junit(results: readonly CaseResult[]): string {
  const suites = [...new Set(results.map((result) => result.rule))].map((rule) => {
    const own = results.filter((result) => result.rule === rule);
    const cases = own.map((result) => {
      const open = `    <testcase classname="${attribute(rule)}" name="${attribute(result.note)}" file="${attribute(result.file)}" line="${result.line}"`;
      return result.ok
        ? `${open}/>`
        : `${open}><failure message="${attribute(result.message ?? '')}"/></testcase>`;
    });
    const failures = own.filter((result) => !result.ok).length;
    const head = `  <testsuite name="${attribute(rule)}" tests="${own.length}" failures="${failures}">`;
    return [head, ...cases, '  </testsuite>'].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

/** Text for an XML attribute; characters that XML cannot carry become U+FFFD. */
function attribute(text: string): string {
  return text
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"'\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}
