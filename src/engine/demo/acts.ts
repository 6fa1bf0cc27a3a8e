import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One suspicious but harmless thing, and the built-in rule that notices it. */
export interface Act {
  readonly rule: string;
  /** What is done, for people. */
  readonly says: string;
  readonly run: (place: Place) => void | Promise<void>;
}

export interface Place {
  /** A new folder below /tmp. */
  readonly sandbox: string;
  /** A new folder below /dev/shm. */
  readonly memory: string;
  /** An address of the list `listed_addresses` (the demo adds one of the loopback network), with a listener. */
  readonly listed: { readonly host: string; readonly port: number };
}

const quietly = (file: string, ...args: string[]): void => {
  spawnSync(file, args, { stdio: 'ignore', timeout: 10_000 });
};

/** /bin/true under another name. */
function harmlessProgram(path: string): void {
  copyFileSync('/bin/true', path);
  chmodSync(path, 0o755);
}

/** THE DEMO: what is done, in this order. Nothing leaves the sandbox folders or the loopback network. */
export const ACTS: readonly Act[] = [
  {
    rule: 'Password hashes read',
    says: 'cat /etc/shadow',
    run: () => quietly('cat', '/etc/shadow'),
  },
  {
    rule: 'Program run from shared memory',
    says: 'a program is copied to /dev/shm and started there',
    run: ({ memory }) => {
      harmlessProgram(join(memory, 'update'));
      quietly(join(memory, 'update'), '--daemon');
    },
  },
  {
    rule: 'Hidden program run',
    says: 'a program whose name starts with a dot is started',
    run: ({ sandbox }) => {
      mkdirSync(join(sandbox, 'bin'));
      harmlessProgram(join(sandbox, 'bin/.cache'));
      quietly(join(sandbox, 'bin/.cache'));
    },
  },
  {
    rule: 'Reverse shell command line',
    says: 'a shell gets the command line of a reverse shell (as a comment: nothing is connected)',
    run: () => quietly('/bin/sh', '-c', ': # bash -i >& /dev/tcp/127.0.0.1/9 0>&1'),
  },
  {
    rule: 'Set-user-id bit set',
    says: 'a file in the sandbox gets the set-user-id bit',
    run: ({ sandbox }) => {
      writeFileSync(join(sandbox, 'helper'), '');
      quietly('chmod', '4755', join(sandbox, 'helper'));
    },
  },
  {
    rule: 'Connection to a listed address',
    says: 'a connection to an address of the list listed_addresses (a listener of the demo on loopback)',
    run: ({ listed }) => {
      const script = `require('net').connect(${listed.port},'${listed.host}').on('connect',function(){this.destroy()})`;
      execFileSync(process.execPath, ['-e', script], { stdio: 'ignore', timeout: 10_000 });
    },
  },
];

/** Removes what the acts made. */
export function cleanUp({ sandbox, memory }: Place): void {
  for (const folder of [sandbox, memory]) rmSync(folder, { recursive: true, force: true });
}
