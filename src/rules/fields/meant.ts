/** Field names that rules are often written with and that do not exist, and the fields that are meant. */
export const MEANT: Readonly<Record<string, readonly string[]>> = {
  'fd.dip': ['fd.sip', 'fd.rip'],
  'fd.daddr': ['fd.sip', 'fd.rip'],
  'fd.dport': ['fd.sport', 'fd.rport'],
  'fd.path': ['fd.name'],
  'fd.basename': ['fd.filename'],
  'file.name': ['fd.name', 'fs.path.name'],
  'file.path': ['fd.name', 'fs.path.name'],
  'proc.path': ['proc.exepath'],
  'proc.uid': ['user.uid'],
  'proc.user': ['user.name'],
  'proc.username': ['user.name'],
  'proc.command': ['proc.cmdline'],
  'proc.parent': ['proc.pname'],
  'proc.parent.name': ['proc.pname'],
  'proc.gpname': ['proc.aname'],
  'proc.ancestors': ['proc.aname'],
  'user.id': ['user.uid'],
  'user.gid': ['group.gid'],
  'user.group': ['group.name'],
  'container.image.name': ['container.image.repository'],
  'k8s.namespace': ['k8s.ns.name'],
  'k8s.namespace.name': ['k8s.ns.name'],
  'k8s.ns': ['k8s.ns.name'],
  'k8s.pod': ['k8s.pod.name'],
  'evt.result': ['evt.res', 'evt.rawres'],
  'evt.name': ['evt.type'],
};

/** Fields that somebody means who writes a name that is none; nothing for names not known to be mistaken. */
export const fieldsMeant = (name: string): readonly string[] =>
  Object.hasOwn(MEANT, name) ? MEANT[name]! : [];
