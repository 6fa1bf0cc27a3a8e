/** Rules that print much, for acts whose variable RF_EDGE tells them from others. */
export const EDGE_RULES = `
- macro: edge
  condition: (proc.env contains "RF_EDGE=1")
- rule: Edge open
  desc: An act opened a file.
  condition: evt.type in (open, openat, openat2, creat) and fd.nameraw contains rf-edge and edge
  output: >
    %evt.type %evt.res %fd.name %fd.nameraw %fd.realpath %fd.type %fd.typechar %fd.num %fd.directory %fd.filename
    %evt.arg.name %evt.arg.flags %evt.arg.mode %evt.arg.resolve %evt.is_open_write %evt.is_open_create %fs.path.name %proc.name
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
`;
