import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What of the kernel's belongs to a process: it must be the same before and after whatever repeats. */
export interface Holdings {
  readonly fds: number;
  readonly threads: number;
  /** BPF programs, maps and links that its descriptors hold. */
  readonly bpf: number;
  readonly rssMb: number;
}

/** Counts what a process holds. */
export function holdings(pid: number): Holdings {
  const fds = readdirSync(`/proc/${pid}/fd`);
  const targets = fds.map((fd) => target(`/proc/${pid}/fd/${fd}`));
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const number = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    fds: fds.length,
    threads: number('Threads'),
    bpf: targets.filter((name) => name.includes('bpf')).length,
    rssMb: Math.round(number('VmRSS') / 1024),
  };
}

/** Ids of our programs in the kernel, whoever holds them. */
export function ourPrograms(): number[] {
  const list = bpftool('prog', 'show') as readonly { readonly id: number; readonly name?: string }[];
  return list.filter(({ name }) => name?.startsWith('rf_')).map(({ id }) => id);
}

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Overwrites every value of a process's map with zeros, as an attacker with privileges could. */
export function emptyMap(pid: number, name: string): void {
  const held = new Set(
    readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) =>
      Number(/^map_id:\s+(\d+)/m.exec(content(`/proc/${pid}/fdinfo/${fd}`))?.[1] ?? 0),
    ),
  );
  const maps = bpftool('map', 'show') as readonly MapInfo[];
  const map = maps.find((candidate) => candidate.name === name && held.has(candidate.id));
  if (map === undefined) throw new Error(`process ${pid} holds no map ${name}`);
  const zeros = Array<string>(map.bytes_value).fill('0');
  const batch = Array.from({ length: map.max_entries }, (_, i) => {
    const key = [i & 255, i >> 8, 0, 0].join(' ');
    return `map update id ${map.id} key ${key} value ${zeros.join(' ')}`;
  });
  execFileSync('bpftool', ['batch', 'file', '-'], { input: `${batch.join('\n')}\n`, stdio: 'pipe' });
}

interface MapInfo {
  readonly id: number;
  readonly name?: string;
  readonly bytes_value: number;
  readonly max_entries: number;
}

function bpftool(...args: string[]): unknown {
  return JSON.parse(execFileSync('bpftool', ['-j', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 }));
}

function content(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
