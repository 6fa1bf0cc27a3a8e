/** A line of mountinfo: proc_pid_mountinfo(5). */
export interface Mount {
  readonly id: number;
  readonly where: string;
  /** Of the file system: `ext4`. */
  readonly type: string;
  /** As the kernel numbers devices: major << 20 | minor. */
  readonly dev: number;
  /** Mounts of one group show what is mounted in any of them; undefined = it is private. */
  readonly group: number | undefined;
}

/** The mounts that a text of /proc/PID/mountinfo tells of, in its order. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [id = '', , device = '', , where] = fields;
    if (where === undefined) return [];
    const [major = 0, minor = 0] = device.split(':').map(Number);
    const shared = fields.find((field) => field.startsWith('shared:'));
    const group = shared === undefined ? undefined : Number(shared.slice('shared:'.length));
    const dev = ((major << 20) | minor) >>> 0;
    const type = fields[fields.indexOf('-', 6) + 1] ?? '';
    return [{ id: Number(id), where: unescaped(where), type, dev, group }];
  });
}

/** Blanks and the like are written in octal there. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
