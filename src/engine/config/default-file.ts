/** What `ringfence config default` prints: short, only what people change. A test loads it. */
export const DEFAULT_CONFIG = `# /etc/ringfence/config.yaml. Every value here is the built-in default; \`ringfence config print --origin\` shows what is
# in force and why, \`ringfence explain log.level\` explains an option. Drop-ins: /etc/ringfence/config.d/*.yaml.
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

# Rules below this priority are not loaded.
priority: debug

# Appended to the output of every rule; suggested_output adds the container fields.
append_output:
  - suggested_output: true

# Where alerts go; to the console (of a service: the journal) unless it is switched off here.
#outputs:
#  console: {enabled: false}
#  audit: {path: /var/lib/ringfence/audit}
#  file: {path: /var/log/ringfence/alerts.json}
#  syslog: {transport: tls, host: siem.example, filter: {minimum_priority: warning}}
#  http: {url: 'https://siem.example/falco', bearer_token_file: /etc/ringfence/siem.token}
#  nats: {url: 'tls://nats.example:4222', creds_file: /etc/ringfence/nats.creds}

# Metrics and health, for Prometheus.
http:
  enabled: false
  listen: 127.0.0.1:8765

# pin: what is refused stays refused while the engine is down.
enforcement:
  pin: false
  max_denials_per_minute: 600

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
