import { DENY_QUESTIONS, GUARD_QUESTIONS, POLICY_QUESTIONS } from '../../enforce/index.ts';
import type { InternalNotice } from '../../outputs/internal-alert.ts';
import { controlRow, denyListRow, readRow } from '../audit-rows.ts';
import type { Credentials } from '../libc.ts';
import type { Engine } from '../main.ts';
import type { ControlCommand } from './server.ts';

/** THE CONTROL TABLE: what a running engine can be asked to do. */
export function controlCommands(engine: Engine): readonly ControlCommand[] {
  return [
    { name: 'status', summary: 'state of the engine', run: () => engine.status() },
    {
      name: 'reload',
      summary: 'read configuration and rules again',
      run: async (_args, caller) => {
        await engine.record(controlRow(caller, 'reload'));
        return engine.reload();
      },
    },
    {
      name: 'audit_read',
      summary: 'put on record that the audit is being read',
      run: (args, caller) => engine.record(readRow(caller, args)),
    },
    { name: 'metrics', summary: 'all figures', run: () => engine.metrics.figures() },
    ...[DENY_QUESTIONS, POLICY_QUESTIONS, GUARD_QUESTIONS].flatMap(Object.keys).map((name) => ({
      name,
      summary: 'deny list and policy',
      run: async (args: Readonly<Record<string, unknown>>, caller: Credentials) => {
        const result = await engine.ask(name, args);
        const row = denyListRow(caller, name, args, result);
        if (row) await engine.record(row);
        if (row && !name.startsWith('deny.')) engine.notice(handNotice(name, caller));
        return result;
      },
    })),
  ];
}

/** That refusals or the engine's protection of itself were changed is told at once, and elsewhere than in its audit alone. */
function handNotice(command: string, { uid, pid }: Credentials): InternalNotice {
  return {
    rule: 'Ringfence internal: enforcement changed by hand',
    priority: command === 'guard.lock' || command === 'policy.enforce' ? 5 : 3,
    message: `Enforcement: ${command} through the control socket by process ${pid} of user ${uid}`,
    fields: { command, 'peer.uid': uid, 'peer.pid': pid },
  };
}
