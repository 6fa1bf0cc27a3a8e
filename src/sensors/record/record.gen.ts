// Generated from bpf/lsm/include/event.h by scripts/gen.ts. Do not edit.
import { RecordView } from './record-base.ts';

const FD = { ipv4: 3, ipv6: 4 } as const;

/** Members that every record has. */
export abstract class HeaderView extends RecordView {
  get ring(): number {
    return this.readU8(1);
  }

  get nr(): number {
    return this.readU16(2);
  }

  get flags(): number {
    return this.readU16(4);
  }

  get cpu(): number {
    return this.readU16(6);
  }

  get seq(): number {
    return this.readU64(8);
  }

  get ts(): number {
    return this.readU64(16);
  }

  get start(): number {
    return this.readU64(24);
  }

  get pid(): number {
    return this.readU32(32);
  }

  get tid(): number {
    return this.readU32(36);
  }

  get ppid(): number {
    return this.readU32(40);
  }

  get vpid(): number {
    return this.readU32(44);
  }

  get vtid(): number {
    return this.readU32(48);
  }

  get uid(): number {
    return this.readU32(52);
  }

  get gid(): number {
    return this.readU32(56);
  }

  get loginuid(): number {
    return this.readU32(60);
  }

  get capEffective(): bigint {
    return this.readBig(64);
  }

  get capPermitted(): bigint {
    return this.readBig(72);
  }

  get capInheritable(): bigint {
    return this.readBig(80);
  }

  get cgroup(): number {
    return this.readU64(88);
  }

  get pidns(): number {
    return this.readU32(96);
  }

  get mntns(): number {
    return this.readU32(100);
  }

  get policy(): number {
    return this.readU32(104);
  }

  get clause(): number {
    return this.readU32(108);
  }

  get comm(): string {
    return this.readComm(112);
  }
}

export class CallRec extends HeaderView {
  get kind(): 1 {
    return 1;
  }

  get ret(): number {
    return this.readI64(128);
  }

  /** Register arg 0..5. */
  arg(index: number): number | bigint {
    return this.readWide(136 + (index << 3));
  }

  argI32(index: number): number {
    return this.readI32(136 + (index << 3));
  }

  argU32(index: number): number {
    return this.readU32(136 + (index << 3));
  }

  get fdType(): number {
    return this.readU8(184);
  }

  get fdLayer(): number {
    return this.readU8(185);
  }

  get fdProto(): number {
    return this.readU8(186);
  }

  get fdSockType(): number {
    return this.readU8(187);
  }

  get fdFamily(): number {
    return this.readU16(188);
  }

  get fdLport(): number {
    return this.readU16(190);
  }

  get fdRport(): number {
    return this.readU16(192);
  }

  get fdRole(): number {
    return this.readU16(194);
  }

  get fdMode(): number {
    return this.readU32(196);
  }

  get fdFFlags(): number {
    return this.readU32(200);
  }

  get fdFMode(): number {
    return this.readU32(204);
  }

  get fdDev(): number {
    return this.readU64(208);
  }

  get fdIno(): number | bigint {
    return this.readWide(216);
  }

  get fdSock(): bigint {
    return this.readBig(224);
  }

  get fdPeer(): bigint {
    return this.readBig(232);
  }

  get fdLaddr(): string | undefined {
    return this.readIp(240, this.fdType === FD.ipv4 ? 4 : this.fdType === FD.ipv6 ? 16 : 0);
  }

  get fdRaddr(): string | undefined {
    return this.readIp(256, this.fdType === FD.ipv4 ? 4 : this.fdType === FD.ipv6 ? 16 : 0);
  }

  get fdPath(): string | undefined {
    return this.readStr(272);
  }

  get fdPathCut(): boolean {
    return this.readCut(272);
  }

  get path0(): string | undefined {
    return this.readStr(280);
  }

  get path0Cut(): boolean {
    return this.readCut(280);
  }

  get path1(): string | undefined {
    return this.readStr(284);
  }

  get path1Cut(): boolean {
    return this.readCut(284);
  }

  get base0(): string | undefined {
    return this.readStr(288);
  }

  get base0Cut(): boolean {
    return this.readCut(288);
  }

  get base1(): string | undefined {
    return this.readStr(292);
  }

  get base1Cut(): boolean {
    return this.readCut(292);
  }

  get cwd(): string | undefined {
    return this.readStr(296);
  }

  get cwdCut(): boolean {
    return this.readCut(296);
  }

  get data(): string | undefined {
    return this.readStr(300);
  }

  get dataCut(): boolean {
    return this.readCut(300);
  }

  get addr(): string | undefined {
    return this.readStr(304);
  }

  get addrCut(): boolean {
    return this.readCut(304);
  }
}

export class ExecRec extends HeaderView {
  get kind(): 2 {
    return 2;
  }

  get sid(): number {
    return this.readU32(128);
  }

  get pgid(): number {
    return this.readU32(132);
  }

  get vpgid(): number {
    return this.readU32(136);
  }

  get tty(): number {
    return this.readU32(140);
  }

  get exeFlags(): number {
    return this.readU32(144);
  }

  get exeMode(): number {
    return this.readU32(148);
  }

  get exeDev(): number {
    return this.readU64(152);
  }

  get exeIno(): number | bigint {
    return this.readWide(160);
  }

  get exeCtime(): bigint {
    return this.readBig(168);
  }

  get exeMtime(): bigint {
    return this.readBig(176);
  }

  get pidnsStart(): number {
    return this.readU64(184);
  }

  get argc(): number {
    return this.readU32(192);
  }

  get argsTotal(): number {
    return this.readU32(196);
  }

  get exe(): string | undefined {
    return this.readStr(200);
  }

  get exeCut(): boolean {
    return this.readCut(200);
  }

  get filename(): string | undefined {
    return this.readStr(204);
  }

  get filenameCut(): boolean {
    return this.readCut(204);
  }

  get interp(): string | undefined {
    return this.readStr(208);
  }

  get interpCut(): boolean {
    return this.readCut(208);
  }

  get args(): string | undefined {
    return this.readStr(212);
  }

  get argsCut(): boolean {
    return this.readCut(212);
  }

  get env(): string | undefined {
    return this.readStr(216);
  }

  get envCut(): boolean {
    return this.readCut(216);
  }

  get cwd(): string | undefined {
    return this.readStr(220);
  }

  get cwdCut(): boolean {
    return this.readCut(220);
  }

  get cgroupPath(): string | undefined {
    return this.readStr(224);
  }

  get cgroupPathCut(): boolean {
    return this.readCut(224);
  }
}

export class ForkRec extends HeaderView {
  get kind(): 3 {
    return 3;
  }

  get cloneFlags(): number {
    return this.readU64(128);
  }

  get childStart(): number {
    return this.readU64(136);
  }

  get childPid(): number {
    return this.readU32(144);
  }

  get childTid(): number {
    return this.readU32(148);
  }

  get childVpid(): number {
    return this.readU32(152);
  }

  get childVtid(): number {
    return this.readU32(156);
  }

  get childPpid(): number {
    return this.readU32(160);
  }

  get childCgroup(): number {
    return this.readU64(168);
  }

  get cgroupPath(): string | undefined {
    return this.readStr(176);
  }

  get cgroupPathCut(): boolean {
    return this.readCut(176);
  }
}

export class ExitRec extends HeaderView {
  get kind(): 4 {
    return 4;
  }

  get code(): number {
    return this.readU32(128);
  }

  get leader(): number {
    return this.readU32(132);
  }

  get reaper(): number {
    return this.readU32(136);
  }
}

export type AnyRec = CallRec | ExecRec | ForkRec | ExitRec;
