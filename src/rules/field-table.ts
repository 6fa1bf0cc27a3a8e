import { nearestOf } from '../engine/core/nearest.ts';
import type { FieldRef, FieldSpec } from './field-spec.ts';
import { fieldsMeant } from './fields/meant.ts';

export type FieldLookup<E> =
  | { readonly ok: true; readonly ref: FieldRef<E> }
  | {
      readonly ok: false;
      readonly reason: 'unknown' | 'argument';
      readonly message: string;
      readonly help?: string;
    };

/** The fields that rules can use, looked up by name, suffix and bracket argument. */
export class FieldTable<E> {
  /** In table order. */
  readonly specs: readonly FieldSpec<E>[];
  private readonly byName = new Map<string, FieldSpec<E>>();

  constructor(specs: readonly FieldSpec<E>[]) {
    this.specs = specs;
    for (const spec of specs) {
      if (this.byName.has(spec.name)) throw new Error(`field ${spec.name} is defined twice`);
      this.byName.set(spec.name, spec);
    }
  }

  /** The row of a field, by its exact name. */
  get(name: string): FieldSpec<E> | undefined {
    return this.byName.get(name);
  }

  /** Resolves a field as written: name, or row name and suffix, and the text in brackets if any. */
  lookup(name: string, arg: string | undefined): FieldLookup<E> {
    const text = arg === undefined ? name : `${name}[${arg}]`;
    const spec = this.byName.get(name);
    if (spec !== undefined) return this.withArgument(spec, text, arg);
    const suffixed = this.bySuffix(name);
    if (suffixed === undefined) return this.unknown(name);
    if ('message' in suffixed) return { ok: false, ...suffixed };
    if (arg !== undefined) return badArgument(`the field ${name} takes no argument in brackets`);
    return { ok: true, ref: { spec: suffixed.spec, arg: suffixed.suffix, text } };
  }

  /** Whether a text is a field, with its argument in brackets if it has one. */
  has(text: string): boolean {
    const match = /^([a-zA-Z][a-zA-Z0-9_.]*)(?:\[([^\]]+)\])?$/.exec(text);
    if (match === null || !text.includes('.')) return false;
    const [, name = '', arg] = match;
    if (!this.byName.has(name) && this.bySuffix(name) === undefined) return false;
    return this.lookup(name, arg).ok;
  }

  /** Fields that are likely meant by a name that is none: known mistakes, then names that look alike, nearest first. */
  suggest(name: string, count = 3): string[] {
    const meant = fieldsMeant(name).filter((field) => this.byName.has(field));
    return meant.length > 0 ? meant : nearestOf(name, this.byName.keys(), count);
  }

  private withArgument(spec: FieldSpec<E>, text: string, arg: string | undefined): FieldLookup<E> {
    const kind = spec.arg ?? 'none';
    if (arg === undefined || arg === '') {
      if (spec.argRequired === true || (spec.suffix !== undefined && kind === 'none')) {
        const shape =
          kind === 'none' ? `${spec.name}.NAME` : `${spec.name}[${kind === 'index' ? 'N' : 'KEY'}]`;
        return badArgument(`the field ${spec.name} needs an argument: ${shape}`);
      }
      return { ok: true, ref: { spec, arg: undefined, text } };
    }
    if (kind === 'none') return badArgument(`the field ${spec.name} takes no argument in brackets`);
    if (/^[0-9]+$/.test(arg) && kind !== 'key') {
      const index = Number(arg);
      if (index > 0xffff_ffff) return badArgument(`the index of ${text} is too large`);
      return { ok: true, ref: { spec, arg: index, text } };
    }
    if (kind === 'index') return badArgument(`the argument of ${spec.name} is a number: ${text}`);
    return { ok: true, ref: { spec, arg, text } };
  }

  private bySuffix(
    name: string,
  ): { spec: FieldSpec<E>; suffix: string } | { reason: 'unknown'; message: string } | undefined {
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      const spec = this.byName.get(name.slice(0, dot));
      if (spec?.suffix === undefined) continue;
      const suffix = name.slice(dot + 1);
      if (spec.suffix.accepts(suffix)) return { spec, suffix };
      return {
        reason: 'unknown',
        message: `nonexistent field ${name}: ${spec.name} has no '${suffix}' (${spec.suffix.doc})`,
      };
    }
    return undefined;
  }

  private unknown(name: string): FieldLookup<E> {
    const near = this.suggest(name);
    const message = `nonexistent field ${name}`;
    if (near.length === 0) return { ok: false, reason: 'unknown', message };
    return { ok: false, reason: 'unknown', message, help: `did you mean ${near.join(', ')}?` };
  }
}

function badArgument<E>(message: string): FieldLookup<E> {
  return { ok: false, reason: 'argument', message };
}
