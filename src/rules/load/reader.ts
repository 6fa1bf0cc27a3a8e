/** Reading values of one entry, with an error for each that has the wrong shape. */
import { nearest } from '../../engine/core/nearest.ts';
import type { ErrorCode, Report } from './report.ts';
import { inside, type Place } from './source.ts';
import {
  isMap,
  isNull,
  isScalar,
  isSeq,
  Mapping,
  parseBoolean,
  textOf,
  type YamlDocument,
  type YamlNode,
} from './yaml.ts';

/** One mapping being read. Methods return undefined after recording what is wrong. */
export class EntryReader {
  readonly map: Mapping;
  readonly place: Place;
  readonly report: Report;
  private readonly resolve: YamlDocument['resolve'];
  private failed = false;

  constructor(map: Mapping, place: Place, report: Report, resolve: YamlDocument['resolve']) {
    this.map = map;
    this.place = place;
    this.report = report;
    this.resolve = resolve;
  }

  /** Whether everything read so far was good. */
  get ok(): boolean {
    return !this.failed;
  }

  /** The same mapping, seen as a more precisely named place. */
  named(place: Place): EntryReader {
    return new EntryReader(this.map, place, this.report, this.resolve);
  }

  fail(
    message: string,
    place: Place = this.place,
    code: ErrorCode = 'LOAD_ERR_YAML_VALIDATE',
    help?: string,
  ): undefined {
    this.failed = true;
    return this.report.error(code, message, place, help);
  }

  /** The place of a key's value. */
  at(key: string, type = 'value for'): Place {
    return inside(this.place, type, type === 'value for' ? key : '', this.map.offset(key));
  }

  required(key: string): string | undefined {
    if (!this.map.has(key))
      return this.fail(`Item has no mapping for key '${key}'`, this.place, undefined, this.typo(key));
    return this.optional(key);
  }

  optional(key: string): string | undefined {
    if (!this.map.has(key)) return undefined;
    const node = this.map.get(key);
    if (isNull(node)) return this.fail(`Mapping for key '${key}' is empty`, this.at(key));
    const text = textOf(node);
    if (text === undefined) return this.fail('Value is not a scalar value', this.at(key));
    if (text === '') return this.fail('Value must be non-empty', this.at(key));
    return text;
  }

  boolean(key: string): boolean | undefined {
    const text = this.optional(key);
    if (text === undefined) return undefined;
    const value = parseBoolean(text);
    if (value !== undefined) return value;
    return this.fail(
      "Can't decode YAML scalar value",
      this.at(key),
      undefined,
      `'${text}' is not a boolean: write true or false`,
    );
  }

  unsigned(key: string): number | undefined {
    const text = this.optional(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value <= 0xffff_ffff) return value;
    return this.fail(
      "Can't decode YAML scalar value",
      this.at(key),
      undefined,
      `'${text}' is not a number of 32 bits`,
    );
  }

  oneOf<T extends string>(key: string, choices: readonly T[]): T | undefined {
    const text = this.optional(key);
    if (text === undefined) return undefined;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    return this.fail(
      `'${text}' is not a value of '${key}'`,
      this.at(key),
      undefined,
      `use one of ${choices.join(', ')}`,
    );
  }

  /** A sequence of scalars. */
  texts(key: string): string[] | undefined {
    if (!this.map.has(key)) return undefined;
    const node = this.map.get(key);
    if (!isSeq(node)) return this.fail('Value is not a sequence', this.at(key));
    const out: string[] = [];
    for (const raw of node.items) {
      const item = this.resolve(raw);
      const text = textOf(item);
      if (text !== undefined && !isNullLiteral(item)) out.push(text);
      else this.fail('sequence value is not scalar', inside(this.at(key), 'list item', '', item?.range?.[0]));
    }
    return out;
  }

  /** The elements of a sequence, or undefined if it is none. */
  elements(node: YamlNode): YamlNode[] | undefined {
    return isSeq(node) ? node.items.map((item) => this.resolve(item)) : undefined;
  }

  /** A mapping as a reader of its own. */
  child(node: YamlNode, place: Place): EntryReader | undefined {
    if (!isMap(node)) return undefined;
    return new EntryReader(new Mapping(node, this.resolve), place, this.report, this.resolve);
  }

  /** Takes over the failure of readers of parts. */
  absorb(part: EntryReader): void {
    if (!part.ok) this.failed = true;
  }

  /** Warns of keys that this kind of entry does not have. */
  checkKeys(known: readonly string[]): void {
    for (const key of this.map.keys) {
      if (known.includes(key)) continue;
      const near = nearest(key, known);
      const place = inside(this.place, 'unknown key', key, this.map.keyOffset(key));
      const help = near === undefined ? `known keys: ${known.join(', ')}` : `did you mean '${near}'?`;
      this.report.warning('LOAD_UNKNOWN_KEY', `Unknown key '${key}'. Key will be ignored.`, place, help);
    }
    for (const { key, offset } of this.map.duplicates) {
      const place = inside(this.place, 'duplicate key', key, offset);
      this.report.warning(
        'LOAD_DUPLICATE_KEY',
        `The key '${key}' stands twice: only the first counts`,
        place,
      );
    }
  }

  private typo(key: string): string | undefined {
    const near = nearest(key, this.map.keys);
    return near === undefined ? undefined : `is '${near}' a misspelt '${key}'?`;
  }
}

/** A really empty element; the text `null` in a list stays a text. */
function isNullLiteral(node: YamlNode): boolean {
  return isScalar(node) && node.source === '' && node.type === 'PLAIN';
}
