/** The condition language of Sigma: and, or, not, parentheses, names, `1 of x*`, `all of them`. */

export type SigmaExpr =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'of'; readonly all: boolean; readonly pattern: string }
  | { readonly kind: 'not'; readonly child: SigmaExpr }
  | { readonly kind: 'and' | 'or'; readonly children: readonly SigmaExpr[] };

const DEPTH_MAX = 64;

/** Parses a condition; the result is a text that says what is wrong, if something is. */
export function parseSigmaCondition(text: string): SigmaExpr | string {
  if (text.includes('|')) return 'aggregations (|) are not supported';
  const tokens = text.match(/\(|\)|[^\s()]+/g) ?? [];
  try {
    const parser = new Parser(tokens);
    const expr = parser.or(0);
    return parser.ended ? expr : `unexpected "${parser.next}"`;
  } catch (error) {
    return (error as Error).message;
  }
}

class Parser {
  private at = 0;
  private readonly tokens: readonly string[];

  constructor(tokens: readonly string[]) {
    this.tokens = tokens;
  }

  get ended(): boolean {
    return this.at >= this.tokens.length;
  }

  get next(): string | undefined {
    return this.tokens[this.at];
  }

  or(depth: number): SigmaExpr {
    return this.chain('or', () => this.chain('and', () => this.not(depth)));
  }

  private chain(kind: 'and' | 'or', part: () => SigmaExpr): SigmaExpr {
    const children = [part()];
    while (this.is(kind)) children.push(part());
    return children.length === 1 ? children[0]! : { kind, children };
  }

  private not(depth: number): SigmaExpr {
    if (depth > DEPTH_MAX) throw new Error('the condition is nested too deeply');
    if (this.is('not')) return { kind: 'not', child: this.not(depth + 1) };
    if (this.is('(')) {
      const inner = this.or(depth + 1);
      if (!this.is(')')) throw new Error('a closing parenthesis is missing');
      return inner;
    }
    const token = this.next;
    this.at++;
    if (token === undefined || token === ')') throw new Error('a selection is missing');
    if (/^(1|any|all)$/i.test(token) && this.is('of')) {
      const pattern = this.next;
      this.at++;
      if (pattern === undefined) throw new Error(`"${token} of" needs a selection`);
      return { kind: 'of', all: token.toLowerCase() === 'all', pattern };
    }
    return { kind: 'name', name: token };
  }

  private is(word: string): boolean {
    if (this.next?.toLowerCase() !== word) return false;
    this.at++;
    return true;
  }
}
