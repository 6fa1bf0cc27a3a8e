import type { Framework } from './controls.ts';

export const CIS: Framework = {
  title: 'CIS Controls v8',
  controls: [
    {
      id: '8.2',
      asks: 'Audit logs are collected.',
      evidence: ['alerts', 'lifecycle'],
      checks: ['continuity', 'loss'],
      limits: 'Of the kernel events that rules look for.',
    },
    {
      id: '8.4',
      asks: 'Times are synchronised.',
      evidence: ['clock'],
      checks: ['clock'],
      limits: 'Steps of the clock are recorded; where the time comes from is not.',
    },
    {
      id: '8.5',
      asks: 'Logs are detailed: source, time, user, addresses and what helps an investigation.',
      evidence: ['alerts'],
      checks: ['actors'],
      limits: 'As detailed as the fields that a rule prints.',
    },
    {
      id: '8.8',
      asks: 'Command lines are logged.',
      evidence: ['execution'],
      checks: [],
      limits: 'Of programs that a rule looks for; not of every program.',
    },
    {
      id: '8.10',
      asks: 'Logs are kept for at least 90 days.',
      evidence: ['retention'],
      checks: ['quarter'],
      limits: 'Counted in this folder; archives are not.',
    },
    {
      id: '8.11',
      asks: 'Logs are reviewed for what is abnormal.',
      evidence: ['alerts', 'reads'],
      checks: [],
      limits: 'Automated by rules; the weekly review by people has to be shown elsewhere.',
    },
    {
      id: '10.7',
      asks: 'Malware is found by its behaviour.',
      evidence: ['malware', 'execution'],
      checks: [],
      limits: 'Files are not scanned.',
    },
    {
      id: '13.2',
      asks: 'Hosts detect intrusions.',
      evidence: ['alerts', 'container'],
      checks: ['continuity', 'loss'],
      limits: 'On hosts where the engine runs.',
    },
    {
      id: '13.7',
      asks: 'Hosts prevent intrusions.',
      evidence: ['denials', 'wouldDeny', 'policy'],
      checks: [],
      limits: 'Rules without enforcement, and the mode monitor, refuse nothing.',
    },
  ],
};
