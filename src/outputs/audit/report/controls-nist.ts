import type { Framework } from './controls.ts';

export const NIST: Framework = {
  title: 'NIST SP 800-53 revision 5',
  controls: [
    {
      id: 'AU-2, AU-12',
      asks: 'The events worth logging are chosen, and the system records them.',
      evidence: ['alerts', 'policy'],
      checks: ['continuity', 'loss'],
      limits: 'The choice is in the rules; why it fits the organisation has to be documented there.',
    },
    {
      id: 'AU-3',
      asks: 'A record holds type, time, place, source, outcome and identity.',
      evidence: ['alerts'],
      checks: ['actors'],
      limits: 'Identities are those of the kernel: user, login, container.',
    },
    {
      id: 'AU-5',
      asks: 'Failures of the logging are noticed and answered.',
      evidence: ['failures'],
      checks: ['loss', 'continuity'],
      limits:
        'A full disk is reported in the log and the metrics at once, and here when writing works again.',
    },
    {
      id: 'AU-6',
      asks: 'Records are reviewed and analysed.',
      evidence: ['alerts', 'reads'],
      checks: [],
      limits: 'Automated by rules; the review by people has to be shown elsewhere.',
    },
    {
      id: 'AU-8',
      asks: 'Records carry reliable times.',
      evidence: ['clock'],
      checks: ['clock'],
      limits: 'Times come from the kernel; where its clock is set from is not recorded.',
    },
    {
      id: 'AU-9, AU-9(3)',
      asks: 'Records are protected from reading, change and removal, cryptographically where that is called for.',
      evidence: ['anchors', 'reads'],
      checks: ['chain', 'signed', 'modes'],
      limits: 'Root of this host can remove the files; heads kept elsewhere show it.',
    },
    {
      id: 'AU-10',
      asks: 'An act cannot be denied by who did it.',
      evidence: ['changes', 'anchors'],
      checks: ['signed', 'chain'],
      limits:
        'The signature is of the engine, not of the person; persons are named by their credentials on the socket.',
    },
    {
      id: 'AU-11',
      asks: 'Records are kept as long as policy and law ask for.',
      evidence: ['retention'],
      checks: ['year'],
      limits: 'Twelve months are taken as the measure; another may apply.',
    },
    {
      id: 'AC-6(9)',
      asks: 'Use of privileged functions is logged.',
      evidence: ['privileged', 'escalation'],
      checks: [],
      limits: 'As far as rules look for it.',
    },
    {
      id: 'CM-5(1)',
      asks: 'Changes are enforced against access rules and recorded.',
      evidence: ['changes', 'policy'],
      checks: [],
      limits: "Changes of Ringfence's own policy, with who made them; other configuration needs rules.",
    },
    {
      id: 'CM-7(5)',
      asks: 'Only allowed software is run.',
      evidence: ['execution', 'denials'],
      checks: [],
      limits: 'Holds where rules refuse everything that is not on a list.',
    },
    {
      id: 'IR-4, IR-5',
      asks: 'Incidents are handled, tracked and documented.',
      evidence: ['responses', 'denials'],
      checks: [],
      limits: 'What the engine did by itself; the work of people has to be shown elsewhere.',
    },
    {
      id: 'SI-3',
      asks: 'Malicious code is found and stopped.',
      evidence: ['malware', 'denials'],
      checks: [],
      limits: 'By behaviour; files are not scanned.',
    },
    {
      id: 'SI-4',
      asks: 'The system is monitored for attacks and unauthorised connections.',
      evidence: ['alerts', 'network', 'container'],
      checks: ['continuity', 'loss'],
      limits: 'Seen from this host, at its kernel; traffic between other machines is not.',
    },
    {
      id: 'SI-7',
      asks: 'Unauthorised changes of software and information are detected.',
      evidence: ['files', 'denials'],
      checks: ['chain'],
      limits: 'The act of changing is seen; contents are not compared with a baseline.',
    },
  ],
};
