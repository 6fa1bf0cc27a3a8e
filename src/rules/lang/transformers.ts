/** The functions that can be put around a field. */

export const TRANSFORMERS = [
  'tolower',
  'toupper',
  'b64',
  'basename',
  'len',
  'join',
  'concat',
  'getopt',
] as const;
export type TransformerName = (typeof TRANSFORMERS)[number];

export const TRANSFORMER_DOCS: Readonly<Record<TransformerName | 'val', string>> = {
  tolower: 'ASCII letters in lower case',
  toupper: 'ASCII letters in upper case',
  b64: 'base64 decoded; missing if the text is not base64',
  basename: 'the text after the last /',
  len: 'bytes of a text, elements of a list',
  join: 'join(separator, (a, b, ...)) or join(separator, list): one text of several values',
  concat: 'concat(a, b, ...): the texts one after the other',
  getopt:
    'getopt(list, "ab:c"): the short options in a list of arguments and their values; with [c] the value of option c',
  val: 'the value of a field, on the right side of a comparison',
};
