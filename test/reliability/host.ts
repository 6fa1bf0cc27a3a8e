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

/** What it holds for good: descriptors that are open for a moment (a file of /proc, a client) are not counted. */
export async function held(pid: number): Promise<Holdings> {
  let least = holdings(pid);
  for (let n = 0; n < 20; n++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    const now = holdings(pid);
    if (now.fds < least.fds) least = now;
  }
  return least;
}

/** Ids of BPF objects. */
export interface BpfIds {
  readonly prog: ReadonlySet<number>;
  readonly map: ReadonlySet<number>;
  readonly link: ReadonlySet<number>;
}

/** The BPF objects that a process holds open. */
export function heldBy(pid: number): BpfIds {
  const ids = { prog: new Set<number>(), map: new Set<number>(), link: new Set<number>() };
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const match = /^(prog|map|link)_id:\s+(\d+)/m.exec(content(`/proc/${pid}/fdinfo/${fd}`));
    if (match) ids[match[1] as keyof BpfIds].add(Number(match[2]));
  }
  return ids;
}

/** Those of the objects that the kernel still has. */
export function stillThere(ids: BpfIds): string[] {
  return (['prog', 'map', 'link'] as const).flatMap((kind) =>
    (bpftool(kind, 'show') as readonly { readonly id: number }[])
      .filter(({ id }) => ids[kind].has(id))
      .map(({ id }) => `${kind} ${id}`),
  );
}

/** Overwrites every value of a process's map with zeros, as an attacker with privileges could. */
export function emptyMap(pid: number, name: string): void {
  const held = heldBy(pid).map;
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

function target(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function content(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
