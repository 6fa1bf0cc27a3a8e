import { CONTAINER_FIELDS } from './container.ts';
import type { Field } from './define.ts';
import { EVT_FIELDS } from './evt.ts';
import { EVT_CATEGORY_FIELDS } from './evt-category.ts';
import { EVT_RAW_FIELDS } from './evt-raw.ts';
import { EVT_TIME_FIELDS } from './evt-time.ts';
import { FD_FIELDS } from './fd.ts';
import { FD_NET_FIELDS } from './fd-net.ts';
import { FS_FIELDS } from './fs.ts';
import { K8S_FIELDS } from './k8s.ts';
import { OWN_FIELDS } from './own.ts';
import { PROC_FIELDS } from './proc.ts';
import { PROC_ANCESTOR_FIELDS } from './proc-ancestors.ts';
import { PROC_LIVE_FIELDS } from './proc-live.ts';
import { THREAD_FIELDS } from './thread.ts';
import { USER_FIELDS } from './user.ts';

/** THE FIELD TABLE: every field that a condition or an output may name. */
export const FIELDS: readonly Field[] = [
  ...EVT_FIELDS,
  ...EVT_CATEGORY_FIELDS,
  ...EVT_RAW_FIELDS,
  ...EVT_TIME_FIELDS,
  ...PROC_FIELDS,
  ...PROC_ANCESTOR_FIELDS,
  ...PROC_LIVE_FIELDS,
  ...THREAD_FIELDS,
  ...USER_FIELDS,
  ...FD_FIELDS,
  ...FD_NET_FIELDS,
  ...FS_FIELDS,
  ...CONTAINER_FIELDS,
  ...K8S_FIELDS,
  ...OWN_FIELDS,
];
