/** The lexical level of conditions: blanks, words, quoted and bare values, over a byte string. */

/** A syntax error: what was expected, and where (byte offset). */
export class SyntaxFault extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.name = 'SyntaxFault';
    this.at = at;
  }
}

const BARE = /[^()"' \t\n\v\f\r=,\0]+/y;
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  ' ': '\\',
  '\\': '\\',
  '/': '/',
};

/** A cursor over a condition. */
export class Lexer {
  protected readonly input: string;
  protected pos = 0;

  constructor(input: string) {
    this.input = input;
  }

  protected tryValue(): string | undefined {
    return this.tryQuoted() ?? this.match(BARE);
  }

  protected tryQuoted(): string | undefined {
    const quote = this.input[this.pos];
    if (quote !== '"' && quote !== "'") return undefined;
    const start = this.pos + 1;
    let end = this.input.indexOf(quote, start);
    while (end > start && this.input[end - 1] === '\\') end = this.input.indexOf(quote, end + 1);
    if (end < 0) this.fail(`the string is not closed: expected ${quote}`);
    const raw = this.input.slice(start, end);
    const nul = raw.indexOf('\0');
    if (nul >= 0) this.fail('a string cannot contain a NUL byte', start + nul);
    this.pos = end + 1;
    return raw.includes('\\') ? this.unescape(raw, quote, start) : raw;
  }

  private unescape(raw: string, quote: string, start: number): string {
    let out = '';
    for (let i = 0; i < raw.length; i++) {
      const c = raw[i]!;
      if (c !== '\\') {
        out += c;
        continue;
      }
      const letter = raw[++i];
      if (letter === 'x') {
        const digits = raw.slice(i + 1, i + 3);
        if (!/^[0-9a-fA-F]{2}$/.test(digits)) this.fail('\\x needs two hexadecimal digits', start + i - 1);
        if (digits === '00') this.fail('a string cannot contain a NUL byte', start + i - 1);
        out += String.fromCharCode(Number.parseInt(digits, 16));
        i += 2;
        continue;
      }
      const plain = letter === quote ? quote : letter === undefined ? undefined : ESCAPES[letter];
      if (plain === undefined) this.fail(`unknown escape \\${letter ?? ''}`, start + i - 1);
      out += plain;
    }
    return out;
  }

  protected blank(): boolean {
    const start = this.pos;
    while (this.pos < this.input.length) {
      const c = this.input.charCodeAt(this.pos);
      if (c !== 32 && c !== 9 && c !== 8 && c !== 13 && c !== 10) break;
      this.pos++;
    }
    return this.pos > start;
  }

  protected take(text: string): boolean {
    if (!this.input.startsWith(text, this.pos)) return false;
    this.pos += text.length;
    return true;
  }

  protected takeOneOf<T extends string>(texts: readonly T[]): T | undefined {
    for (const text of texts) if (this.take(text)) return text;
    return undefined;
  }

  protected match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.pos;
    const found = pattern.exec(this.input);
    if (found === null) return undefined;
    this.pos += found[0].length;
    return found[0];
  }

  protected here(): string {
    const rest = this.input.slice(this.pos, this.pos + 24).split(/[ \t\b\r\n]/, 1)[0];
    if (this.pos >= this.input.length) return 'the end of the condition';
    return rest === '' ? 'a blank' : `'${rest}'`;
  }

  protected fail(message: string, at = this.pos): never {
    throw new SyntaxFault(message, at);
  }
}
