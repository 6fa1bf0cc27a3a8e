/** Rules that print much, for acts whose variable RF_EDGE tells them from others. */
export const EDGE_RULES = `
- macro: edge
  condition: (proc.env contains "RF_EDGE=1")
- rule: Edge open
  desc: An act opened a file.
  condition: evt.type in (open, openat, openat2, creat) and fd.nameraw contains rf-edge and edge
  output: >
    %evt.type %evt.res %fd.name %fd.nameraw %fd.realpath %fd.type %fd.typechar %fd.num %fd.directory %fd.filename
    %evt.arg.name %evt.arg.flags %evt.arg.mode %evt.arg.resolve %evt.is_open_write %evt.is_open_create %evt.is_io_uring %fs.path.name %proc.name
    %proc.pname %thread.ismain %proc.cwd
  priority: NOTICE
- rule: Edge exec
  desc: An act executed a program.
  condition: evt.type in (execve, execveat) and edge
  output: >
    %evt.type %evt.res %proc.name %proc.exe %proc.exepath %proc.cmdline %proc.args %proc.pname %proc.aname[2] %proc.ppid
    %proc.cwd %user.name %user.uid %evt.arg.flags %proc.cmdnargs %proc.sid %proc.sname %proc.is_sid_leader
    %thread.cap_effective
  priority: NOTICE
- rule: Edge call
  desc: An act made another call.
  condition: >
    evt.type in (connect, sendto, bind, dup, dup2, ptrace, unshare, setns, userfaultfd, memfd_create, rename, mkdirat)
    and edge
  output: >
    %evt.type %evt.res %evt.rawres %evt.args %fd.name %fd.type %fd.typechar %fd.num %fd.cip %fd.sip %fd.sport %fd.connected
    %fd.name_changed %fd.l4proto %fd.sockfamily %thread.cap_effective %user.name %fs.path.source %fs.path.target
  priority: NOTICE
- rule: Edge receive
  desc: An act received something.
  condition: >
    evt.type in (recvfrom, recvmsg) and edge and (evt.buffer bcontains cafebabe or fd.name_changed = true)
    and fd.cnet in ("127.0.0.0/8") and fd.cip in (127.0.0.1)
  output: '%evt.type %fd.name %fd.type %fd.l4proto %fd.sip %fd.cip %fd.sport %fd.connected %evt.buffer %evt.buflen %evt.rawres'
  priority: NOTICE
- rule: Edge program file
  desc: An act made a file that can be executed.
  condition: >
    edge and ((evt.type in (open, openat, openat2, creat) and evt.is_open_exec = true and evt.rawres >= 0)
    or (evt.type in (chmod, fchmod, fchmodat) and evt.arg.mode contains S_IXUSR))
  output: '%evt.type %evt.arg.mode %evt.arg.name %evt.arg.filename %evt.args %fd.name %fs.path.name'
  priority: NOTICE
- rule: Edge name
  desc: An act changed names.
  condition: >
    edge and evt.type in (mkdir, rmdir, unlink, unlinkat, renameat2)
    and (evt.arg.path contains rf-name or evt.arg.name contains rf-name or evt.arg.newpath pmatch (/tmp/rf-*/rf-name))
  output: '%evt.type %evt.res %evt.arg.path %evt.arg.name %evt.arg.oldpath %evt.arg.newpath %evt.args'
  priority: NOTICE
- rule: Edge terminal
  desc: A program was started at a terminal.
  condition: evt.type = execve and edge and proc.tty != 0 and proc.is_vpgid_leader = true and not proc.name = act
  output: '%proc.name %proc.tty %proc.vpid %container.id %container.mount.dest[/tmp/rf-stage-*] %container.start_ts'
  priority: NOTICE
- rule: Edge fork
  desc: An act made a process.
  condition: evt.type in (clone, clone3, fork, vfork) and edge and proc.name = forker
  output: '%evt.type %evt.rawres %evt.res %evt.arg.flags %proc.name %proc.pname %evt.arg.exe %thread.ismain'
  priority: NOTICE
- rule: Edge user
  desc: An act changed its user or its rights.
  condition: edge and evt.type in (setuid, setgid, setreuid, setresuid, capset)
  output: >
    %evt.type %evt.res %evt.args %evt.arg.uid %evt.arg.gid %evt.arg.euid %user.uid %user.name %group.gid %group.name
    %thread.cap_effective %thread.cap_permitted %proc.name %proc.pname %user.loginuid
  priority: NOTICE
- rule: Edge option
  desc: An act set an option of a socket, or controlled something.
  condition: edge and ((evt.type = setsockopt and evt.rawarg.level in (1, 6, 282)) or (evt.type = ioctl and evt.rawarg.request = 21522))
  output: '%evt.type %evt.res %evt.args %evt.arg.level %evt.arg.optname %evt.rawarg.optname %evt.arg.request %fd.name %fd.type %fd.typechar'
  priority: NOTICE
- rule: Edge io_uring
  desc: An act made an io_uring.
  condition: edge and evt.type = io_uring_setup
  output: '%evt.res %evt.args %fd.type %fd.typechar %evt.arg.entries'
  priority: NOTICE
`;
