// Run by the tests and killed by them: appends for ever and says after each append how much is acknowledged.
import { silentLog, testAlerts } from '../testing/alerts.ts';
import { FileSpool } from './file-spool.ts';

const [folder = '', from = '0'] = process.argv.slice(2);
const spool = await FileSpool.open(
  folder,
  { max_bytes: 64 * 1024 * 1024, segment_bytes: 64 * 1024, fsync: 'never' },
  silentLog,
);
for (let at = Number(from); ; at += 10) {
  await spool.append(testAlerts(10, at));
  process.stdout.write(`${at + 10}\n`);
}
