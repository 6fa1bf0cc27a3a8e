const CONTEXT = 6;

/**
 * The few lines of libbpf's messages that say why a program was refused: its name, the last source lines the
 * verifier was at, and its verdict. A full log has thousands of lines.
 */
export function verifierSummary(lines: readonly string[]): string {
  const begin = lines.findIndex((line) => line.includes('BEGIN PROG LOAD LOG'));
  if (begin < 0)
    return lines
      .filter((line) => line.startsWith('libbpf:'))
      .slice(0, CONTEXT)
      .join('\n');
  const end = lines.findIndex((line, i) => i > begin && line.includes('END PROG LOAD LOG'));
  const log = lines.slice(begin + 1, end < 0 ? undefined : end).filter((line) => line.trim() !== '');
  const verdict = log.filter((line) => !line.startsWith('processed ')).slice(-3);
  const sources = log.filter((line) => line.startsWith(';') && !verdict.includes(line)).slice(-3);
  const program = lines.slice(0, begin).findLast((line) => /prog '.*'/.test(line)) ?? '';
  return [program, ...sources, ...verdict].filter(Boolean).join('\n');
}
