import { UnixDatagram } from '../outputs/unix-datagram.ts';

/**
 * Tells systemd that the engine runs, and keeps its watchdog content as long as `alive` answers: a stuck engine thread
 * is restarted. Returns what ends it. Without a service manager it does nothing.
 */
export function startServiceNotice(alive: () => Promise<unknown>): () => void {
  if (!process.env.NOTIFY_SOCKET) return () => {};
  const endReady = untilHeard('READY=1');
  const period = Number(process.env.WATCHDOG_USEC ?? 0) / 1000 / 2;
  const timer =
    period > 0
      ? setInterval(
          () =>
            void alive().then(
              () => notifyServiceManager('WATCHDOG=1'),
              () => {},
            ),
          period,
        )
      : undefined;
  timer?.unref();
  return () => {
    endReady();
    clearInterval(timer);
    notifyServiceManager('STOPPING=1');
  };
}

/**
 * Tells the service manager how we are (`READY=1`, `WATCHDOG=1` ...); false if there is none to tell, or if it does not
 * listen: a service manager that hangs must not hang the engine.
 */
export function notifyServiceManager(state: string, path = process.env.NOTIFY_SOCKET): boolean {
  if (!path) return false;
  let socket: UnixDatagram | undefined;
  try {
    socket = new UnixDatagram(path);
    return socket.send(Buffer.from(state));
  } catch {
    return false;
  } finally {
    socket?.close();
  }
}

const AGAIN_MS = 1000;

/** Says it until it is heard, since it is said once: a service manager can be busy. Returns what ends it. */
function untilHeard(state: string): () => void {
  if (notifyServiceManager(state)) return () => {};
  const timer = setInterval(() => {
    if (notifyServiceManager(state)) clearInterval(timer);
  }, AGAIN_MS).unref();
  return () => clearInterval(timer);
}
