import type { ControlReport, Report, Sample } from './report.ts';

const NOTE =
  'What a control asks for is said in our words; the official text decides. A report collects evidence, it does not certify.';

/** The report as Markdown. */
export function reportMarkdown(report: Report): string {
  const head = [
    `# Audit report: ${report.framework}`,
    '',
    `Period ${report.from} to ${report.to}, made ${report.made}, ${report.rows} rows. ${NOTE}`,
    '',
    '| control | evidence | thin |',
    '|---|---|---|',
    ...report.controls.map((c) => `| ${c.id} | ${total(c)} | ${c.thin.length === 0 ? 'no' : 'yes'} |`),
  ];
  return `${[...head, ...report.controls.flatMap(controlMarkdown)].join('\n')}\n`;
}

function controlMarkdown(control: ControlReport): string[] {
  return [
    '',
    `## ${control.id}`,
    '',
    control.asks,
    '',
    ...control.evidence.flatMap(({ title, count, samples }) => [
      `- ${count} ${title}`,
      ...samples.map((s) => `  - ${code(sampleText(s))}`),
    ]),
    ...control.checks.map(({ ok, text }) => `- ${ok ? 'holds' : 'does not hold'}: ${code(text)}`),
    '',
    ...(control.thin.length > 0 ? ['Thin:', '', ...control.thin.map((text) => `- ${code(text)}`), ''] : []),
    `Not shown: ${control.limits}`,
  ];
}

/** The report as one HTML page without scripts or anything from elsewhere. */
export function reportHtml(report: Report): string {
  const rows = report.controls
    .map((c) => `<tr><td>${html(c.id)}<td>${total(c)}<td>${c.thin.length === 0 ? 'no' : 'yes'}`)
    .join('\n');
  return `<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit report: ${html(report.framework)}</title>
<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}
td,th{border:1px solid #999;padding:.2em .6em;text-align:left}code{overflow-wrap:anywhere}.thin{border-left:4px solid #b50;padding-left:1em}</style>
<h1>Audit report: ${html(report.framework)}</h1>
<p>Period ${html(report.from)} to ${html(report.to)}, made ${html(report.made)}, ${report.rows} rows. ${html(NOTE)}
<table><tr><th>control<th>evidence<th>thin
${rows}</table>
${report.controls.map(controlHtml).join('\n')}
</html>
`;
}

function controlHtml(control: ControlReport): string {
  const evidence = control.evidence
    .map(({ title, count, samples }) => {
      const list = samples.map((s) => `<li><code>${html(sampleText(s))}</code>`).join('');
      return `<li>${count} ${html(title)}${list && `<ul>${list}</ul>`}`;
    })
    .join('');
  const checks = control.checks
    .map(({ ok, text }) => `<li>${ok ? 'holds' : 'does not hold'}: ${html(text)}`)
    .join('');
  const thin = control.thin.map((text) => `<li>${html(text)}`).join('');
  return `<h2>${html(control.id)}</h2><p>${html(control.asks)}<ul>${evidence}${checks}</ul>
${thin && `<div class="thin">Thin:<ul>${thin}</ul></div>`}<p>Not shown: ${html(control.limits)}`;
}

function sampleText({ seq, time, kind, rule, user, text }: Sample): string {
  return [`#${seq}`, time, kind, rule, user && `user=${user}`, text].filter(Boolean).join(' ');
}

function total(control: ControlReport): number {
  return control.evidence.reduce((sum, { count }) => sum + count, 0);
}

/** A code span that its text cannot end, in one line. */
function code(text: string): string {
  const flat = text.replace(/[\r\n]+/g, ' ').replaceAll('`', "'");
  return `\`${flat}\``;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
