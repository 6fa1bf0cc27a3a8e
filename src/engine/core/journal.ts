import { fstatSync } from 'node:fs';

/** Whether a descriptor leads to systemd's journal, which names the device and inode of what it gave us. */
export function isJournal(fd: number, env: NodeJS.ProcessEnv = process.env): boolean {
  if (!env.JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return env.JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
