/** Constants of a condition: from their text to the type of the field they are compared with. */
import { type Network, parseAddress, parseNetwork } from '../../engine/core/address.ts';
import type { FieldSpec, FieldType, Scalar } from '../field-spec.ts';
import { fromBytes } from '../lang/bytes.ts';
import { servicePort } from '../match/services.ts';

export type Literal = readonly (Scalar | Network)[] | { readonly error: string; readonly help?: string };

/** For operators and constants that an address cannot be compared with. */
export const USE_NET =
  'networks are compared with fd.net, fd.snet, fd.cnet, fd.rnet, fd.lnet: fd.snet = 10.0.0.0/8';

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const TWO_64 = 1n << 64n;

/** The smaller representation of a number: what field getters yield too. */
export function normalizeNumber(value: bigint): number | bigint {
  return value <= SAFE && value >= -SAFE ? Number(value) : value;
}

/**
 * Converts a literal. The result has one value, or two for a negative number on an unsigned field, which stands for
 * the wrapped number of 32 and of 64 bits.
 */
export function convertLiteral(type: FieldType, format: FieldSpec<unknown>['format'], text: string): Literal {
  switch (type) {
    case 'string':
    case 'path':
    case 'bytes':
      return [text];
    case 'bool':
      if (text === 'true') return [true];
      if (text === 'false') return [false];
      return { error: `'${fromBytes(text)}' is not a boolean: expected true or false` };
    case 'ip': {
      const address = parseAddress(text);
      if (address !== undefined) return [address];
      const error = `'${fromBytes(text)}' is not an IP address`;
      return parseNetwork(text) === undefined ? { error } : { error, help: USE_NET };
    }
    case 'net': {
      const network = parseNetwork(text);
      if (network !== undefined) return [network];
      return { error: `'${fromBytes(text)}' is not a network: expected address/prefix, such as 10.0.0.0/8` };
    }
    case 'port': {
      const port = servicePort(text);
      if (port !== undefined) return [port];
      if (/^[0-9+-]/.test(text)) return convertInteger('uint', format, text);
      return { error: `'${fromBytes(text)}' is neither a port nor a known service` };
    }
    case 'int':
    case 'double':
      return convertInteger('int', format, text);
    case 'uint':
    case 'time':
    case 'reltime':
      return convertInteger('uint', format, text);
  }
}

function convertInteger(type: 'int' | 'uint', format: FieldSpec<unknown>['format'], text: string): Literal {
  const hex = format === 'hex' && /^0[xX][0-9a-fA-F]+$/.test(text);
  if (!hex && !/^[+-]?[0-9]+$/.test(text)) return { error: `'${fromBytes(text)}' is not a whole number` };
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (type === 'int') {
    if (value < -(TWO_64 / 2n) || value >= TWO_64 / 2n) return { error: `${text} does not fit in 64 bits` };
    return [normalizeNumber(value)];
  }
  if (value < 0n) {
    if (value < -(TWO_64 / 2n)) return { error: `${text} does not fit in 64 bits` };
    const wide = normalizeNumber(TWO_64 + value);
    return value >= -(1n << 31n) ? [wide, Number((1n << 32n) + value)] : [wide];
  }
  if (value >= TWO_64) return { error: `${text} does not fit in 64 bits` };
  return [normalizeNumber(value)];
}

/** Hexadecimal digits (`bcontains`, `bstartswith`) as a byte string. */
export function parseHexBytes(text: string): string | undefined {
  if (text === '' || text.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(text)) return undefined;
  return Buffer.from(text, 'hex').toString('latin1');
}
