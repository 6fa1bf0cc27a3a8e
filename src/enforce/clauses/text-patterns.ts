import type { CheckValue } from './condition.ts';
import type { Pattern } from './term.ts';

/** Patterns for a string operator; `necessary` where they only bound what the operator accepts. */
export interface TextTest {
  readonly patterns: readonly Pattern[];
  readonly strength: 'exact' | 'necessary';
  readonly negated?: boolean;
}

const GLOB_SPECIAL = /[*?[\\]/;

/** Translates a string comparison into patterns, or undefined if the kernel has nothing for it. */
export function textTest(op: string, values: readonly CheckValue[]): TextTest | undefined {
  const texts = values.map(String);
  const all = (at: Pattern['at']): Pattern[] => texts.map((text) => ({ at, text }));
  switch (op) {
    case '=':
    case '==':
    case 'in':
    case 'intersects':
      return { patterns: all('exact'), strength: 'exact' };
    case '!=':
      return { patterns: all('exact'), strength: 'exact', negated: true };
    case 'startswith':
      return { patterns: all('prefix'), strength: 'exact' };
    case 'endswith':
      return { patterns: all('suffix'), strength: 'exact' };
    case 'contains':
      return { patterns: all('contains'), strength: 'exact' };
    case 'glob':
      return join(texts.map(globTest));
    case 'pmatch':
      return join(texts.map(pmatchTest));
    default:
      return undefined;
  }
}

function join(tests: readonly TextTest[]): TextTest {
  return {
    patterns: tests.flatMap((t) => t.patterns),
    strength: tests.every((t) => t.strength === 'exact') ? 'exact' : 'necessary',
  };
}

/** The best single pattern that a glob implies; exact where the glob is only stars at its ends. */
export function globTest(glob: string): TextTest {
  if (!GLOB_SPECIAL.test(glob)) return { patterns: [{ at: 'exact', text: glob }], strength: 'exact' };
  const inner = glob.replace(/^\*+/, '').replace(/\*+$/, '');
  if (!GLOB_SPECIAL.test(inner)) {
    const at = glob.startsWith('*') ? (glob.endsWith('*') ? 'contains' : 'suffix') : 'prefix';
    return { patterns: [{ at, text: inner }], strength: 'exact' };
  }
  const pieces = literalPieces(glob);
  const best = pieces.reduce((a, b) => (weight(b) > weight(a) ? b : a), {
    at: 'contains',
    text: '',
  } as Pattern);
  return { patterns: [best], strength: 'necessary' };
}

function weight(p: Pattern): number {
  return p.text.length + (p.at === 'contains' ? 0 : 1);
}

/** The runs of plain characters in a glob, as patterns that every match contains. */
function literalPieces(glob: string): Pattern[] {
  const pieces: Pattern[] = [];
  let run = '';
  let anchored = true;
  const flush = (atEnd: boolean): void => {
    if (run !== '') pieces.push({ at: anchored ? 'prefix' : atEnd ? 'suffix' : 'contains', text: run });
    run = '';
    anchored = false;
  };
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i] as string;
    if (c === '\\' && i + 1 < glob.length) run += glob[++i];
    else if (c === '[') {
      flush(false);
      // A bracket expression may hold a `]` as its first member.
      const close = glob.indexOf(']', i + (/[!^]/.test(glob[i + 1] ?? '') ? 3 : 2));
      if (close < 0) return pieces;
      i = close;
    } else if (c === '*' || c === '?') flush(false);
    else run += c;
  }
  flush(true);
  return pieces;
}

function pmatchTest(path: string): TextTest {
  const clean = `/${path.split('/').filter(Boolean).join('/')}`;
  if (GLOB_SPECIAL.test(path) || !path.startsWith('/') || clean === '/') {
    const head = literalPieces(clean)[0];
    const patterns: Pattern[] =
      head?.at === 'prefix' && path.startsWith('/') ? [head] : [{ at: 'contains', text: '' }];
    return { patterns, strength: 'necessary' };
  }
  return {
    patterns: [
      { at: 'exact', text: clean },
      { at: 'prefix', text: `${clean}/` },
    ],
    strength: 'exact',
  };
}
