import { denyRule } from './denial.ts';

/** A folder below more folders than labels are looked up of. */
export const DEEP = `log${'/d'.repeat(70)}`;

/** Rules on what changes names and identities, below a folder of a test. */
export function namedRules(dir: string): string {
  return [
    denyRule('Log stays', `evt.type in (unlink, rmdir) and fs.path.name startswith ${dir}/log/`),
    denyRule('Nothing new in etc', `evt.type in (mkdir, mkdirat) and fs.path.name startswith ${dir}/etc/`),
    denyRule('No link in etc', `evt.type = symlink and fs.path.source startswith ${dir}/etc/`),
    denyRule('Not onto etc', `evt.type = rename and fs.path.target startswith ${dir}/etc/`),
    denyRule('Fixed', `evt.type = rename and fs.path.source = ${dir}/fixed`),
    denyRule('Not linked', `evt.type = link and fs.path.target = ${dir}/linked`),
    denyRule('Pointer', `evt.type = unlink and fs.path.name = ${dir}/pointer`),
    denyRule('Nobody', 'evt.type = setuid and evt.rawarg.uid = 65533'),
    denyRule('Root', 'evt.type = setuid and evt.rawarg.uid = 0'),
    denyRule('Port', 'evt.type = bind and fd.sport = 4444'),
  ].join('');
}

const bind = (family: string, type: string, address: string, port: number): string =>
  `socket.socket(socket.${family},socket.${type}).bind(('${address}',${port}))`;
/** A bind to no family at all, which is one to IPv4. */
const UNSPEC = `s=socket.socket()
b=(ctypes.c_char*16).from_buffer_copy(b'\\0\\0'+(4444).to_bytes(2,'big')+bytes(12))
check(libc.bind(s.fileno(),b,16))`;

/** What is done, the rule that refuses it, acts that are refused, and near ones that are not; DIR is the folder. */
export const NAMED_ACTS: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  [
    'to remove files and folders',
    'Log stays',
    [
      `os.unlink('DIR/log/a')`,
      `os.rmdir('DIR/log/sub')`,
      `os.chdir('DIR/log/sub')\nos.unlink('../a')`,
      `d=os.open('DIR/log',os.O_RDONLY)\nos.unlink('a',dir_fd=d)`,
      `os.chroot('DIR/log')\nos.unlink('/a')`,
      `check(libc.unshare(0x20000))\ncheck(libc.mount(b'DIR/log',b'DIR/out',None,4096,None))\nos.unlink('DIR/out/a')`,
      `os.rename('DIR/log/a','DIR/out/a')`,
      `os.rename('DIR/log','DIR/logs')`,
      `os.rename('DIR/plain','DIR/log/a')`,
      `check(libc.renameat2(-100,b'DIR/plain',-100,b'DIR/log/a',2))`,
      `os.unlink('DIR/${DEEP}/f')`,
    ],
    [
      `open('DIR/out/x','w')\nos.unlink('DIR/out/x')`,
      `os.mkdir('DIR/out/d')\nos.rmdir('DIR/out/d')`,
      `os.rename('DIR/log/a','DIR/log/b')\nos.rename('DIR/log/b','DIR/log/a')`,
      `open('DIR/out/new','w')\nos.rename('DIR/out/new','DIR/log/new')`,
    ],
  ],
  [
    'to make a folder',
    'Nothing new in etc',
    [`os.mkdir('DIR/etc/new')`, `d=os.open('DIR/etc',os.O_RDONLY)\nos.mkdir('new',dir_fd=d)`],
    [`os.mkdir('DIR/out/fresh')\nos.rmdir('DIR/out/fresh')`],
  ],
  [
    'to make a symbolic link',
    'No link in etc',
    [`os.symlink('/x','DIR/etc/new')`],
    [`os.symlink('DIR/etc','DIR/out/fresh')\nos.unlink('DIR/out/fresh')`],
  ],
  [
    'to replace by renaming',
    'Not onto etc',
    [
      `os.rename('DIR/plain','DIR/etc/passwd')`,
      `os.chroot('DIR')\nos.rename('/plain','/etc/new')`,
      `check(libc.renameat2(-100,b'DIR/plain',-100,b'DIR/etc/passwd',2))`,
    ],
    [`os.rename('DIR/plain','DIR/out/p')\nos.rename('DIR/out/p','DIR/plain')`],
  ],
  [
    'to rename a file that it names',
    'Fixed',
    [`os.rename('DIR/fixed','DIR/other')`, `check(libc.renameat2(-100,b'DIR/plain',-100,b'DIR/fixed',2))`],
    [`os.rename('DIR/plain','DIR/fixed2')\nos.rename('DIR/fixed2','DIR/plain')`],
  ],
  [
    'to remove a symbolic link that it names, and not what it leads to',
    'Pointer',
    [`os.unlink('DIR/pointer')`, `os.rename('DIR/pointer','DIR/out/pointer')`],
    [`os.link('DIR/plain','DIR/out/p')\nos.unlink('DIR/out/p')`],
  ],
  [
    'a hard link',
    'Not linked',
    [
      `os.link('DIR/linked','DIR/out/l')`,
      `fd=os.open('DIR/linked',os.O_RDONLY)\ncheck(libc.linkat(-100,b'/proc/self/fd/%d'%fd,-100,b'DIR/out/l',0x400))`,
    ],
    [`os.link('DIR/plain','DIR/out/l')\nos.unlink('DIR/out/l')`],
  ],
  [
    'to become a user',
    'Nobody',
    ['os.setuid(65533)', 'os.setresuid(65533,65533,65533)', 'os.seteuid(65533)'],
    ['os.setuid(65532)', 'os.setgid(65533)'],
  ],
  [
    'to become root',
    'Root',
    ['os.setuid(0)'],
    [`libc.setfsuid(1)\nif libc.setfsuid(-1)!=1: raise OSError(1,'x')`],
  ],
  [
    'to bind a port',
    'Port',
    [
      bind('AF_INET', 'SOCK_STREAM', '127.0.0.1', 4444),
      bind('AF_INET', 'SOCK_DGRAM', '', 4444),
      bind('AF_INET6', 'SOCK_STREAM', '::', 4444),
      bind('AF_INET6', 'SOCK_STREAM', '::ffff:127.0.0.1', 4444),
      UNSPEC,
    ],
    [bind('AF_INET', 'SOCK_STREAM', '127.0.0.1', 4445), bind('AF_INET6', 'SOCK_STREAM', '::1', 4445)],
  ],
];
