/** What `ringfence config default` prints: short, only what people change. A test loads it. */
export const DEFAULT_CONFIG = `# yaml-language-server: $schema=/usr/lib/ringfence/config.schema.json
# /etc/ringfence/config.yaml. Every value here is the built-in default; \`ringfence config print --origin\` shows what is
# in force and why, \`ringfence config schema\` has every option. Drop-ins: /etc/ringfence/config.d/*.yaml.
# Environment: RINGFENCE__LOG__LEVEL=debug. Maps merge, lists and values replace.

# monitor: rules with \`enforce: deny\` say what they would have refused. enforce: they refuse.
mode: monitor

# The rules that come with Ringfence, then yours (Falco rules files work unchanged).
builtin_rules: true
rules_files:
  - /etc/ringfence/rules.d

# Enable and disable rules after all files are loaded; later entries win.
#   - disable: {rule: "Read sensitive*"}
#   - enable: {tag: network}
rules: []

# all: an event raises every matching rule. first: the first matching rule only, as in Falco.
rule_matching: all
priority: debug

# Appended to the output of every rule; suggested_output adds the container fields.
append_output:
  - suggested_output: true

log:
  level: info
  format: auto

containers:
  enabled: true
  wait: 500ms

control:
  socket: /run/ringfence/control.sock

state_dir: /var/lib/ringfence
`;
