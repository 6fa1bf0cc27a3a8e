/** The container that a cgroup path belongs to. */
export interface CgroupContainer {
  /** 64 hexadecimal digits, or the name for runtimes that have no other. */
  readonly fullId: string;
  /** What the path alone tells of the runtime. */
  readonly type: ContainerType;
}

export type ContainerType =
  | 'docker'
  | 'podman'
  | 'containerd'
  | 'cri-o'
  | 'cri'
  | 'lxc'
  | 'nspawn'
  | 'libvirt_lxc'
  | 'container';

const ID = '([0-9a-f]{64})';

/** Forms of one path component (or two), most telling first. */
const FORMS: readonly { readonly re: RegExp; readonly type: ContainerType }[] = [
  { re: new RegExp(`(?:^|/)docker[-/]${ID}(?:\\.scope)?(?=/|$)`), type: 'docker' },
  { re: new RegExp(`cri-containerd[-:]${ID}(?:\\.scope)?(?=/|$)`), type: 'cri' },
  { re: new RegExp(`(?:^|/)nerdctl-${ID}(?:\\.scope)?(?=/|$)`), type: 'containerd' },
  { re: new RegExp(`(?:^|[/:])crio-(?!conmon)(?:[^/]*-)?${ID}(?:\\.scope)?(?=/|$)`), type: 'cri-o' },
  { re: new RegExp(`(?:^|/)libpod(?:-payload)?-(?!conmon)${ID}(?:\\.scope)?(?=/|$)`), type: 'podman' },
  { re: new RegExp(`kubepods[^/]*/(?:.*/)?${ID}(?=/|$)`), type: 'cri' },
  { re: new RegExp(`(?:^|/)(?:[^/]+[-:])?${ID}(?:\\.scope)?(?=/|$)`), type: 'containerd' },
  { re: /(?:^|\/)lxc(?:\.payload)?[./](?!monitor(?:[./]|$))([^/]+)(?=\/|$)/, type: 'lxc' },
  { re: /(?:^|\/)machine-lxc\\x2d\d+\\x2d([^/]+)\.scope(?=\/|$)/, type: 'libvirt_lxc' },
  { re: /(?:^|\/)machine\.slice\/systemd-nspawn@([^/]+)\.service(?=\/|$)/, type: 'nspawn' },
  { re: /(?:^|\/)machine\.slice\/machine-([^/]+)\.scope(?=\/|$)/, type: 'nspawn' },
];

/** Paths of helper processes that carry a container's id and are not in it. */
const HELPER = /(?:crio|libpod)-conmon-/;

/** What was found in paths: those of a machine's cgroups come again and again. */
const FOUND = new Map<string, CgroupContainer | undefined>();
const FOUND_MAX = 1024;

/** Finds the container in a cgroup path; the innermost one of nested containers. */
export function containerOfPath(path: string): CgroupContainer | undefined {
  const known = FOUND.get(path);
  if (known !== undefined || FOUND.has(path)) return known;
  const found = findContainer(path);
  if (FOUND.size >= FOUND_MAX) FOUND.clear();
  FOUND.set(path, found);
  return found;
}

function findContainer(path: string): CgroupContainer | undefined {
  if (path.length < 5 || HELPER.test(path)) return undefined;
  let best: { at: number; found: CgroupContainer } | undefined;
  for (const { re, type } of FORMS) {
    let from = 0;
    for (;;) {
      const match = re.exec(path.slice(from));
      if (match === null) break;
      const at = from + match.index + match[0].length;
      if (best === undefined || at > best.at) best = { at, found: { fullId: unescapeUnit(match[1]!), type } };
      from += match.index + Math.max(1, match[0].length);
    }
  }
  return best?.found;
}

/** Finds the container in the text of /proc/PID/cgroup: the v1 hierarchies and the v2 one. */
export function containerOfCgroupFile(text: string): CgroupContainer | undefined {
  for (const line of text.split('\n')) {
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    const found = path === '' || path === '/' ? undefined : containerOfPath(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** systemd writes special characters of a unit's name as \xHH. */
function unescapeUnit(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The id that container.id shows: the first 12 digits; names are kept whole. */
export function shortId(fullId: string): string {
  return /^[0-9a-f]{64}$/.test(fullId) ? fullId.slice(0, 12) : fullId;
}
