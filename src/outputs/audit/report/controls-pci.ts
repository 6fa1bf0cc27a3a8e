import type { Framework } from './controls.ts';

const RULES =
  'Only what a loaded rule looks for becomes a row; which files and accounts matter has to be told to the rules.';

export const PCI: Framework = {
  title: 'PCI DSS 4.0.1',
  controls: [
    {
      id: '10.2.1.1',
      asks: 'Access of individuals to cardholder data is logged.',
      evidence: ['files'],
      checks: ['continuity', 'loss'],
      limits: `Ringfence sees files and processes, not records in a database. ${RULES}`,
    },
    {
      id: '10.2.1.2',
      asks: 'What is done with administrative rights is logged.',
      evidence: ['privileged', 'escalation'],
      checks: ['continuity', 'loss'],
      limits: `Acts inside an application are not seen. ${RULES}`,
    },
    {
      id: '10.2.1.3',
      asks: 'Access to the audit logs themselves is logged.',
      evidence: ['reads'],
      checks: [],
      limits:
        'Reading through the engine is recorded; reading the files directly shows only if a rule watches the folder.',
    },
    {
      id: '10.2.1.4',
      asks: 'Attempts that were refused are logged.',
      evidence: ['denials', 'wouldDeny'],
      checks: [],
      limits:
        'Refusals by Ringfence are recorded; refusals by the kernel or by an application need rules of their own.',
    },
    {
      id: '10.2.1.5',
      asks: 'Changes of accounts, credentials and privileges are logged.',
      evidence: ['credentials', 'escalation'],
      checks: ['continuity'],
      limits: `Directory services elsewhere are not seen. ${RULES}`,
    },
    {
      id: '10.2.1.6',
      asks: 'Starting, stopping and pausing of the logging is logged.',
      evidence: ['lifecycle', 'policy'],
      checks: ['continuity'],
      limits: 'A stop by force leaves no row; it shows as a start without a stop before it.',
    },
    {
      id: '10.2.1.7',
      asks: 'Creation and deletion of system-level objects is logged.',
      evidence: ['files', 'execution'],
      checks: [],
      limits: RULES,
    },
    {
      id: '10.2.2',
      asks: 'A record says who, what, when, with what outcome, from where and on which object.',
      evidence: ['alerts'],
      checks: ['actors'],
      limits:
        'The origin is a process and its ancestors on this host; a remote user is known as far as the login id goes.',
    },
    {
      id: '10.3.1-10.3.2',
      asks: 'Logs can be read only by those who need them, and cannot be changed by individuals.',
      evidence: ['reads'],
      checks: ['modes', 'chain'],
      limits:
        'Root can rewrite the files; that it was done is what the chain, its anchors and copies elsewhere show.',
    },
    {
      id: '10.3.3',
      asks: 'Logs are copied promptly to a place that is hard to alter.',
      evidence: ['anchors'],
      checks: ['signed'],
      limits: 'Whether NATS, syslog or HTTP outputs delivered is shown by their receivers, not here.',
    },
    {
      id: '10.3.4',
      asks: 'Changes of the logs are detected.',
      evidence: ['anchors', 'retention'],
      checks: ['chain', 'signed'],
      limits: 'The chain proves order and completeness up to a head that somebody else holds.',
    },
    {
      id: '10.4.1.1',
      asks: 'Logs are reviewed by automated means.',
      evidence: ['alerts', 'policy'],
      checks: [],
      limits: 'The rules are the review. That people follow up on alerts has to be shown elsewhere.',
    },
    {
      id: '10.5.1',
      asks: 'Twelve months of logs are kept, the last three at hand.',
      evidence: ['retention'],
      checks: ['year', 'quarter'],
      limits: 'Files that were archived elsewhere are not counted here.',
    },
    {
      id: '10.6',
      asks: 'Clocks are synchronised.',
      evidence: ['clock'],
      checks: ['clock'],
      limits: 'Steps of the clock are recorded; where the time comes from is not.',
    },
    {
      id: '10.7.2-10.7.3',
      asks: 'Failures of critical security controls are detected and answered promptly.',
      evidence: ['failures', 'lifecycle'],
      checks: ['continuity', 'loss'],
      limits: 'How people answered has to be shown elsewhere.',
    },
    {
      id: '11.5.1',
      asks: 'Intrusions are detected or prevented.',
      evidence: ['alerts', 'denials', 'network'],
      checks: ['loss'],
      limits: 'Seen from the host, at its kernel; traffic between other machines is not.',
    },
    {
      id: '11.5.2',
      asks: 'Changes of critical files are detected.',
      evidence: ['files'],
      checks: ['continuity'],
      limits: `The act is seen when it happens; contents are not compared with a baseline. ${RULES}`,
    },
  ],
};
