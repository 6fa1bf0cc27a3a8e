import { Buffer } from 'node:buffer';

export interface CpioEntry {
  readonly path: string;
  /** A file's content, or a link's target; folders have none. */
  readonly data?: Buffer | string;
  readonly type?: 'file' | 'folder' | 'link';
  readonly mode?: number;
}

const typeBits = { file: 0o100000, folder: 0o040000, link: 0o120000 };

/** A cpio archive in the "newc" form that the kernel unpacks as its first file system. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  [...entries, { path: 'TRAILER!!!', mode: 0 }].forEach((entry: CpioEntry, index) => {
    const type = entry.type ?? 'file';
    const data = typeof entry.data === 'string' ? Buffer.from(entry.data) : (entry.data ?? Buffer.alloc(0));
    const name = Buffer.from(`${entry.path}\0`);
    const mode = typeBits[type] | (entry.mode ?? 0o755);
    const links = type === 'folder' ? 2 : 1;
    const fields = [index + 1, mode, 0, 0, links, 0, data.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    parts.push(padded(Buffer.concat([Buffer.from(header), name])), padded(data));
  });
  return Buffer.concat(parts);
}

function padded(data: Buffer): Buffer {
  const rest = data.length % 4;
  return rest === 0 ? data : Buffer.concat([data, Buffer.alloc(4 - rest)]);
}
