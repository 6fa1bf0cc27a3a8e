/** Users and groups as the files in /etc list them. */

export interface User {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** The users and groups of one root file system. */
export interface Accounts {
  readonly users: ReadonlyMap<number, User>;
  readonly groups: ReadonlyMap<number, string>;
}

const ENTRIES_MAX = 50_000;
const NAME_MAX = 256;

/** Users of a passwd file; malformed lines are left out, the first entry of a uid counts. */
export function parsePasswd(text: string): Map<number, User> {
  const users = new Map<number, User>();
  for (const fields of entries(text, 7)) {
    const uid = Number(fields[2]);
    if (fields[2] === '' || !isId(uid) || users.has(uid)) continue;
    users.set(uid, { name: fields[0]!, home: cut(fields[5]!), shell: cut(fields[6]!) });
  }
  return users;
}

/** Names of a group file. */
export function parseGroup(text: string): Map<number, string> {
  const groups = new Map<number, string>();
  for (const fields of entries(text, 3)) {
    const gid = Number(fields[2]);
    if (fields[2] !== '' && isId(gid) && !groups.has(gid)) groups.set(gid, fields[0]!);
  }
  return groups;
}

function* entries(text: string, fields: number): Generator<string[]> {
  let left = ENTRIES_MAX;
  for (const line of text.split('\n')) {
    if (left-- <= 0) return;
    const parts = line.split(':');
    if (parts.length >= fields && parts[0] !== '' && parts[0]!.length <= NAME_MAX && !line.startsWith('#'))
      yield parts;
  }
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= 0xffffffff;
}

function cut(text: string): string {
  return text.slice(0, 4096);
}
