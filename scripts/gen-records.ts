import { accessorName } from '../src/sensors/record/accessor-name.ts';
import type { Field, Layout, StructLayout } from '../src/sensors/record/layout.ts';

/** The structs that are whole records, by the enum value that marks them. */
const RECORDS = [
  { struct: 'rf_call', cls: 'CallRec', kind: 'RF_KIND_CALL' },
  { struct: 'rf_exec', cls: 'ExecRec', kind: 'RF_KIND_EXEC' },
  { struct: 'rf_fork', cls: 'ForkRec', kind: 'RF_KIND_FORK' },
  { struct: 'rf_exit', cls: 'ExitRec', kind: 'RF_KIND_EXIT' },
] as const;

const TS_TYPE: Record<Field['type'], string> = {
  u8: 'number',
  i8: 'number',
  u16: 'number',
  i16: 'number',
  u32: 'number',
  i32: 'number',
  u64: 'number',
  i64: 'number',
  wide: 'number | bigint',
  big: 'bigint',
  str: 'string | undefined',
  bytes: 'string',
  ip: 'string | undefined',
  struct: 'never',
};

function reader(field: Field): string {
  const at = field.offset;
  switch (field.type) {
    case 'u8':
    case 'u16':
    case 'u32':
    case 'i32':
    case 'u64':
    case 'i64':
    case 'wide':
    case 'big':
      return `this.read${field.type[0]!.toUpperCase()}${field.type.slice(1)}(${at})`;
    case 'str':
      return `this.readStr(${at})`;
    case 'bytes':
      return field.size === 16 && field.name === 'h.comm'
        ? `this.readComm(${at})`
        : `this.readText(${at}, ${field.size})`;
    case 'ip':
      return `this.readIp(${at}, this.fdType === FD.ipv4 ? 4 : this.fdType === FD.ipv6 ? 16 : 0)`;
    default:
      throw new Error(`no reader for ${field.type} (${field.name})`);
  }
}

function getters(field: Field): string[] {
  const name = accessorName(field.name);
  if (field.count > 1) return arrayReaders(field);
  const lines = [`  get ${name}(): ${TS_TYPE[field.type]} {`, `    return ${reader(field)};`, '  }'];
  if (field.type !== 'str') return [...lines, ''];
  return [
    ...lines,
    '',
    `  get ${name}Cut(): boolean {`,
    `    return this.readCut(${field.offset});`,
    '  }',
    '',
  ];
}

/** Argument registers: `arg(i)` as an unsigned number, `argI32(i)` for fds, `argU32(i)` for flags. */
function arrayReaders(field: Field): string[] {
  const name = accessorName(field.name).replace(/s$/, '');
  const at = `${field.offset} + (index << 3)`;
  return [
    `  /** Register ${name} 0..${field.count - 1}. */`,
    `  ${name}(index: number): number | bigint {`,
    `    return this.readWide(${at});`,
    '  }',
    '',
    `  ${name}I32(index: number): number {`,
    `    return this.readI32(${at});`,
    '  }',
    '',
    `  ${name}U32(index: number): number {`,
    `    return this.readU32(${at});`,
    '  }',
    '',
  ];
}

function classOf(name: string, base: string, struct: StructLayout, kind: number | undefined): string {
  const own = struct.fields.filter((f) => (base === 'RecordView' ? true : !f.name.startsWith('h.')));
  const fields = own.filter((f) => f.name !== 'h.kind' && !/(^|\.)pad$/.test(f.name));
  const body = fields.flatMap(getters);
  if (kind !== undefined) body.unshift(`  get kind(): ${kind} {`, `    return ${kind};`, '  }', '');
  while (body.at(-1) === '') body.pop();
  const abstract = kind === undefined ? 'abstract ' : '';
  return `export ${abstract}class ${name} extends ${base} {\n${body.join('\n')}\n}\n`;
}

/** The text of src/sensors/record/record.gen.ts. */
export function recordSource(layout: Layout): string {
  const hdr = layout.structs.rf_hdr!;
  const kinds = layout.enums.rf_kind!;
  const prefixed: StructLayout = {
    size: hdr.size,
    fields: hdr.fields.map((f) => ({ ...f, name: `h.${f.name}` })),
  };
  const types = layout.enums.rf_fd_type!;
  return [
    '// Generated from bpf/lsm/include/event.h by scripts/gen.ts. Do not edit.',
    "import { RecordView } from './record-base.ts';",
    '',
    `const FD = { ipv4: ${types.RF_FD_IPV4}, ipv6: ${types.RF_FD_IPV6} } as const;`,
    '',
    '/** Members that every record has. */',
    classOf('HeaderView', 'RecordView', prefixed, undefined),
    ...RECORDS.map((r) => classOf(r.cls, 'HeaderView', layout.structs[r.struct]!, kinds[r.kind]!)),
    `export type AnyRec = ${RECORDS.map((r) => r.cls).join(' | ')};`,
    '',
  ].join('\n');
}

/** The text of src/sensors/record/layout.gen.ts. */
export function layoutSource(layout: Layout, hash: string): string {
  const lines = [
    '// Generated from bpf/lsm/include by scripts/gen.ts. Do not edit.',
    "import type { StructLayout } from './layout.ts';",
    '',
    '/** Compared with the object before it is loaded. */',
    `export const ABI_HASH = '${hash}';`,
    '',
  ];
  for (const [name, values] of Object.entries(layout.enums)) {
    const prefix = commonPrefix(Object.keys(values));
    const entries = Object.entries(values).map(([key, value]) => `  ${key.slice(prefix.length)}: ${value},`);
    lines.push(
      `/** enum ${name} */`,
      `export const ${name.toUpperCase()} = {`,
      ...entries,
      '} as const;',
      '',
    );
  }
  lines.push('/** Every struct that the kernel and user space share. */');
  lines.push('export const STRUCTS = {');
  for (const [name, struct] of Object.entries(layout.structs)) {
    lines.push(`  ${name}: {`, `    size: ${struct.size},`, '    fields: [');
    for (const f of struct.fields) {
      lines.push(
        `      { name: '${f.name}', offset: ${f.offset}, size: ${f.size}, type: '${f.type}', count: ${f.count} },`,
      );
    }
    lines.push('    ],', '  },');
  }
  lines.push('} as const satisfies Record<string, StructLayout>;', '');
  return lines.join('\n');
}

function commonPrefix(names: readonly string[]): string {
  let prefix = names[0] ?? '';
  for (const name of names) while (!name.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix.slice(0, prefix.lastIndexOf('_') + 1);
}
