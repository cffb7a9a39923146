#include "module/settings.h"

#include "spool/spool.h"

#define K ((int64_t)1024)
#define M (K * K)
#define G (K * M)
#define HOUR ((int64_t)3600 * 1000)
#define DAY (24 * HOUR)

#define BETWEEN(low, high) .min = (low), .max = (high)

static const struct gw_option pair_options[] = {
#define AT(member) offsetof(struct tls_pair, member)
	{ "certificate", GW_OPTION_PATH, AT(certificate), NULL,
	  "PEM file of the certificate chain.", GW_OPTION_REQUIRED },
	{ "key", GW_OPTION_PATH, AT(key), NULL,
	  "PEM file of the key; default: in the certificate's file." },
	{ "passphrase", GW_OPTION_SECRET, AT(passphrase), NULL, "Passphrase of the key." },
	GW_OPTIONS_END
#undef AT
};

#define BESIDE                                                                                                                                  \
	"More certificates: ( { certificate = ...; key = ...; passphrase = ...; } ). Each is shown to clients that ask for a name in it; with " \
	"the same names and a key of the other kind (RSA, ECDSA) it stands beside another one."

static const struct gw_option listener_options[] = {
#define AT(member) offsetof(struct listen_settings, member)
	{ "address", GW_OPTION_STRING, AT(address), "0.0.0.0",
	  "Address to listen on; \"::\" is every IPv6 address." },
	{ "port", GW_OPTION_INT, AT(port), NULL, "Port to listen on.", GW_OPTION_REQUIRED, 1,
	  65535 },
	{ "tls", GW_OPTION_WORD, AT(tls), "starttls",
	  "TLS: none, after STARTTLS, or from the first octet.",
	  .words = "none|starttls|implicit" },
	{ "clear_login", GW_OPTION_BOOL, AT(clear_login), "false",
	  "Takes logins without TLS too; only on a loopback address." },
	{ "certificate", GW_OPTION_PATH, AT(pair.certificate), NULL,
	  "PEM file of the certificate chain; default: tls.certificate, and tls.certificates." },
	{ "key", GW_OPTION_PATH, AT(pair.key), NULL,
	  "PEM file of the key; default: in the certificate's file." },
	{ "passphrase", GW_OPTION_SECRET, AT(pair.passphrase), NULL, "Passphrase of the key." },
	{ "certificates", GW_OPTION_GROUPS, AT(pairs), NULL, BESIDE, .group = pair_options,
	  .group_size = sizeof(struct tls_pair) },
	{ "client_certificate", GW_OPTION_WORD, AT(client_certificate), NULL,
	  "Whether clients are asked for a certificate of theirs: none; ask (whatever they show they are let in, and modules are told what it is "
	  "worth); require (none, or one that client_ca did not issue: no TLS). Default: ask with client_ca, else none.",
	  .words = "none|ask|require" },
	{ "client_ca", GW_OPTION_PATH, AT(client_ca), NULL,
	  "PEM file of the authorities that issue certificates of clients; default: none, and a client is known by its fingerprint alone." },
	{ "type", GW_OPTION_STRING, AT(type), NULL, "Type of the mail that comes in here." },
	{ "accept", GW_OPTION_WORD, AT(accept), "queued",
	  "What a client hears of its message: that it is queued, or what the next hop says of it, where that comes in time and is the same for all "
	  "recipients.",
	  .words = "queued|cutthrough" },
	{ "accept_wait", GW_OPTION_DURATION, AT(accept_wait), "10s",
	  "How long a client waits for its next hop's answer before it hears that the message is queued.",
	  BETWEEN(10, 300 * 1000) },
	{ "proxy_from", GW_OPTION_LIST, AT(proxy_from), NULL,
	  "Networks of load balancers, as [\"192.0.2.0/28\"]: who connects from there has to say first for whom (PROXY protocol, version 1 or 2), "
	  "and is believed." },
	GW_OPTIONS_END
#undef AT
};

#define AT(member) offsetof(struct settings, member)
#define RESTART .flags = GW_OPTION_RESTART
const struct gw_option settings_options[] = {
	{ "hostname", GW_OPTION_STRING, AT(hostname), NULL,
	  "Name of this gateway in greetings and trace fields; default: the machine's." },
	{ "workers", GW_OPTION_INT, AT(workers), "0",
	  "Threads that serve connections; 0: one a core.", RESTART, BETWEEN(0, 64) },
	{ "offload_threads", GW_OPTION_INT, AT(offload_threads), "4",
	  "Threads for work that blocks: of each module or kind at once. Each kind has one of its own when all are taken.",
	  RESTART, BETWEEN(1, 256) },
	{ "listeners", GW_OPTION_GROUPS, AT(listeners), NULL,
	  "Where clients connect: ( { address = ...; port = ...; tls = ...; } ).",
	  .group = listener_options, .group_size = sizeof(struct listen_settings) },
	{ "tls.certificate", GW_OPTION_PATH, AT(tls.pair.certificate), NULL,
	  "PEM file of the certificate chain, for all listeners." },
	{ "tls.key", GW_OPTION_PATH, AT(tls.pair.key), NULL,
	  "PEM file of the key; default: in the certificate's file." },
	{ "tls.passphrase", GW_OPTION_SECRET, AT(tls.pair.passphrase), NULL,
	  "Passphrase of the key." },
	{ "tls.certificates", GW_OPTION_GROUPS, AT(tls.pairs), NULL, BESIDE, .group = pair_options,
	  .group_size = sizeof(struct tls_pair) },
	{ "tls.minimum", GW_OPTION_WORD, AT(tls.minimum), "1.2",
	  "Oldest version of TLS that listeners speak.", .words = "1.2|1.3" },
	{ "tls.ciphers", GW_OPTION_STRING, AT(tls.ciphers), TLS_CIPHERS_USUAL,
	  "Ciphers of listeners for TLS 1.2, as OpenSSL writes them; default: Mozilla's \"intermediate\". Those of TLS 1.3 are all good." },
	{ "default_type", GW_OPTION_STRING, AT(default_type), "individual",
	  "Type of mail of which nobody said another." },

	{ "limits.message_size", GW_OPTION_SIZE, AT(limits.message_size), "50M", "Largest message.",
	  BETWEEN(K, 2 * G) },
	{ "limits.recipients", GW_OPTION_INT, AT(limits.recipients), "1000",
	  "Most recipients of a message.", BETWEEN(1, 100000) },
	{ "limits.sessions", GW_OPTION_INT, AT(limits.sessions), "10000",
	  "Most clients connected at once.", BETWEEN(1, 1000000) },
	{ "limits.sessions_per_client", GW_OPTION_INT, AT(limits.sessions_per_client), "1000",
	  "Most sessions at once from one client address; 0: as many as there may be.",
	  BETWEEN(0, 1000000) },
	{ "limits.line", GW_OPTION_SIZE, AT(limits.line), "4096",
	  "Longest command line, in octets.", BETWEEN(512, 64 * K) },
	{ "limits.junk", GW_OPTION_INT, AT(limits.junk), "20",
	  "Commands in a row that bring no message closer (wrong, refused or idle) after which a session ends.",
	  BETWEEN(1, 1000) },
	{ "limits.login_failures", GW_OPTION_INT, AT(limits.login_failures), "5",
	  "Failed logins after which a session ends.", BETWEEN(1, 100) },
	{ "limits.hops", GW_OPTION_INT, AT(limits.hops), "50",
	  "Received fields above which a message loops.", BETWEEN(10, 1000) },
	{ "limits.extent", GW_OPTION_SIZE, AT(limits.extent), "128K",
	  "Octets of a message in memory before they go to the spool.", BETWEEN(4 * K, 16 * M) },

	{ "limits.data_rate", GW_OPTION_INT, AT(limits.data_rate), "1000",
	  "Octets a second that a message has to come in with, once it took timeouts.data; 0: as slowly as it likes.",
	  BETWEEN(0, 1000000) },

	{ "limits.domains", GW_OPTION_INT, AT(limits.domains), "5",
	  "Most sender domains that relays name; 0: as many as there are.", BETWEEN(0, 1000000) },
	{ "limits.relays_per_domain", GW_OPTION_INT, AT(limits.relays_per_domain), "5",
	  "Most relays that name the same sender domain; 0: as many as there are.",
	  BETWEEN(0, 1000000) },

	{ "timeouts.command", GW_OPTION_DURATION, AT(timeouts.command), "5m",
	  "Wait for a client's next command.", BETWEEN(10, HOUR) },
	{ "timeouts.data", GW_OPTION_DURATION, AT(timeouts.data), "5m",
	  "Wait for the next octets of a message.", BETWEEN(10, HOUR) },
	{ "timeouts.message", GW_OPTION_DURATION, AT(timeouts.message), "1h",
	  "Longest time a message may take to come in.", BETWEEN(10, DAY) },
	{ "timeouts.session", GW_OPTION_DURATION, AT(timeouts.session), "1h",
	  "Age at which a session ends with its transaction, so that a login which was taken away does not last; 0: never.",
	  BETWEEN(0, 30 * DAY) },
	{ "timeouts.scarce", GW_OPTION_DURATION, AT(timeouts.scarce), "10s",
	  "Wait for the next command of a client that sent nothing yet, while nearly all sessions are taken.",
	  BETWEEN(10, HOUR) },
	{ "timeouts.handshake", GW_OPTION_DURATION, AT(timeouts.handshake), "30s",
	  "Wait for a TLS handshake.", BETWEEN(10, HOUR) },

	{ "queue.retry", GW_OPTION_LIST, AT(queue.retry), "1m 5m 15m 30m 1h 2h 4h",
	  "Pauses between attempts; the last one repeats." },
	{ "queue.expire", GW_OPTION_DURATION, AT(queue.expire), "5d",
	  "Age at which a message is given up.", BETWEEN(10, 60 * DAY) },
	{ "queue.delay_warning", GW_OPTION_DURATION, AT(queue.delay_warning), "4h",
	  "Age at which the sender is told of a delay; 0: never.", BETWEEN(0, 60 * DAY) },
	{ "queue.active", GW_OPTION_INT, AT(queue.active), "20000",
	  "Most messages worked on at once.", BETWEEN(1, 10000000) },

	{ "delivery.connect", GW_OPTION_DURATION, AT(delivery.connect), "30s",
	  "Wait for a connection.", BETWEEN(10, HOUR) },
	{ "delivery.greeting", GW_OPTION_DURATION, AT(delivery.greeting), "5m",
	  "Wait for a greeting.", BETWEEN(10, HOUR) },
	{ "delivery.helo", GW_OPTION_DURATION, AT(delivery.helo), "5m",
	  "Wait for the reply to EHLO.", BETWEEN(10, HOUR) },
	{ "delivery.mail", GW_OPTION_DURATION, AT(delivery.mail), "5m",
	  "Wait for the reply to MAIL.", BETWEEN(10, HOUR) },
	{ "delivery.rcpt", GW_OPTION_DURATION, AT(delivery.rcpt), "5m",
	  "Wait for the reply to RCPT.", BETWEEN(10, HOUR) },
	{ "delivery.data", GW_OPTION_DURATION, AT(delivery.data), "2m",
	  "Wait for the reply to DATA.", BETWEEN(10, HOUR) },
	{ "delivery.block", GW_OPTION_DURATION, AT(delivery.block), "3m",
	  "Wait until a piece of the message is taken.", BETWEEN(10, HOUR) },
	{ "delivery.dot", GW_OPTION_DURATION, AT(delivery.dot), "10m",
	  "Wait for the reply to the whole message.", BETWEEN(10, HOUR) },
	{ "delivery.idle", GW_OPTION_DURATION, AT(delivery.idle), "30s",
	  "Time an unused connection is kept.", BETWEEN(0, HOUR) },

	{ "dns.forward", GW_OPTION_LIST, AT(dns.forward), NULL,
	  "Name servers to ask, as \"192.0.2.53\" or \"127.0.0.1@5300\"; \"system\": those of resolv.conf; default: from the root down, "
	  "and for names of relays those of resolv.conf.",
	  RESTART },
	{ "dns.trust_anchor", GW_OPTION_PATH, AT(dns.trust_anchor), NULL,
	  "File with the root's DNSSEC key, as /usr/share/dns/root.key; default: nothing is validated.",
	  RESTART },
	{ "dns.local", GW_OPTION_BOOL, AT(dns.local), "false",
	  "Mail hosts may be on loopback addresses, the servers of MTA-STS policies on any, and \"test\" is a domain as others are: for tests.",
	  RESTART },

	{ "spool.path", GW_OPTION_PATH, AT(spool.path), "STATE/spool", "Folder of the messages.",
	  RESTART },
	{ "spool.segment_size", GW_OPTION_SIZE, AT(spool.segment_size), "64M",
	  "Size of a file of the spool.", RESTART, BETWEEN(SPOOL_SEGMENT_MIN, SPOOL_SEGMENT_MAX) },
	{ "spool.min_free", GW_OPTION_SIZE, AT(spool.min_free), "64M",
	  "Free space below which mail is put off.", RESTART, BETWEEN(0, 1024 * G) },
	{ "spool.min_free_inodes", GW_OPTION_INT, AT(spool.min_free_inodes), "100",
	  "Free inodes below which mail is put off.", RESTART, BETWEEN(0, 1000000) },

	{ "log.path", GW_OPTION_STRING, AT(log.path), "-",
	  "File of the log, an absolute path; \"-\" is standard error, or STATE/log without --foreground.",
	  RESTART },
	{ "log.level", GW_OPTION_WORD, AT(log.level), "info",
	  "What is logged: this and what is worse.", .words = "debug|info|warning|error" },
	{ "log.journal_days", GW_OPTION_INT, AT(log.journal_days), "14",
	  "Days for which `message explain` remembers.", RESTART, BETWEEN(1, 3650) },
	{ "log.journal_size", GW_OPTION_SIZE, AT(log.journal_size), "512M",
	  "Room for what `message explain` remembers: the oldest goes first.",
	  BETWEEN(M, 1024 * G) },

	{ "control.socket", GW_OPTION_PATH, AT(control.socket), NULL,
	  "Socket of gatewayctl; default: control.sock in the unit's RuntimeDirectory, else in STATE.",
	  RESTART },
	{ "control.admin_group", GW_OPTION_STRING, AT(control.admin_group), NULL,
	  "Group that may change things; default: root only." },
	{ "control.view_group", GW_OPTION_STRING, AT(control.view_group), NULL,
	  "Group that may look; default: root only." },
	GW_OPTIONS_END
};
#undef AT

#define AT(member) offsetof(struct gw_relay, member)
const struct gw_option relay_options[] = {
	{ "name", GW_OPTION_STRING, AT(name), NULL,
	  "Name of the relay: letters, digits, '.', '_', '-'.", GW_OPTION_REQUIRED },
	{ "host", GW_OPTION_LIST, AT(hosts), NULL,
	  "Host name or address of the next hop, or several, tried in order; \"mx\": the mail hosts of each recipient's domain. "
	  "A name is looked for in /etc/hosts, in the DNS (see dns.forward), then as the system looks for names." },
	{ "port", GW_OPTION_INT, AT(port), NULL,
	  "Port; default: 25, or 465 with tls = \"implicit\".", BETWEEN(1, 65535) },
	{ "tls", GW_OPTION_WORD, AT(tls), "starttls",
	  "TLS: none, after STARTTLS, from the first octet, or where the next hop can, with any certificate (the default for host = \"mx\").",
	  .words = "none|starttls|implicit|opportunistic" },
	{ "verify", GW_OPTION_BOOL, AT(verify), "true",
	  "Whether the next hop's certificate must be right. With tls = \"opportunistic\" it is looked at and told, and nothing is demanded." },
	{ "verify_name", GW_OPTION_BOOL, AT(verify_name), "true",
	  "Whether it must be made out to the next hop's name too, and not only come from an authority that is trusted." },
	{ "fingerprint", GW_OPTION_LIST, AT(pins), NULL,
	  "SHA-256 of the next hop's certificate or of its public key, as \"ab:cd:...\", or several: it must be one of these, and nothing else is "
	  "looked at." },
	{ "dane", GW_OPTION_BOOL, AT(dane), "true",
	  "With host = \"mx\", whether TLSA records of mail hosts count (DANE, RFC 7672), where DNSSEC proves them: dns.trust_anchor must be set." },
	{ "mta_sts", GW_OPTION_BOOL, AT(mta_sts), "true",
	  "With host = \"mx\", whether the MTA-STS policies of recipients' domains count (RFC 8461)." },
	{ "mta_sts_server", GW_OPTION_STRING, AT(mta_sts_server), NULL,
	  "Who is asked for these policies, as \"host:port\", for tests; default: each domain's own server." },
	{ "ca", GW_OPTION_PATH, AT(ca), NULL,
	  "PEM file of the authorities to trust; default: the system's." },
	{ "certificate", GW_OPTION_PATH, AT(pair.certificate), NULL,
	  "PEM file of our certificate, for a next hop that asks." },
	{ "key", GW_OPTION_PATH, AT(pair.key), NULL,
	  "PEM file of its key; default: in the certificate's file." },
	{ "passphrase", GW_OPTION_SECRET, AT(pair.passphrase), NULL, "Passphrase of the key." },
	{ "source", GW_OPTION_STRING, AT(source), NULL, "Address to connect from." },
	{ "helo", GW_OPTION_STRING, AT(helo), NULL,
	  "Name given in EHLO; default: the gateway's hostname." },
	{ "connections", GW_OPTION_INT, AT(connections), "10",
	  "Most connections at once; with host = \"mx\" to the same mail hosts.",
	  BETWEEN(1, 10000) },
	{ "per_connection", GW_OPTION_INT, AT(per_connection), "100",
	  "Most messages on one connection.", BETWEEN(1, 1000000) },
	{ "max_rcpts", GW_OPTION_INT, AT(max_rcpts), "100", "Most recipients in one transaction.",
	  BETWEEN(1, 100000) },
	{ "clear_login", GW_OPTION_BOOL, AT(clear_login), "false",
	  "Sends the login over a link without TLS." },
	{ "timezone", GW_OPTION_STRING, AT(timezone), "UTC",
	  "Time zone in which the relay's day begins: \"Europe/Berlin\"." },
	{ "auth.provider", GW_OPTION_STRING, AT(provider_name), NULL,
	  "Mail provider whose preset gives host, port, tls and connections where they are not given here; \"other\": none of those listed." },
	{ "auth.mechanisms", GW_OPTION_LIST, AT(mechanisms), NULL,
	  "SASL mechanisms to log in by, the best first, as [\"PLAIN\", \"LOGIN\"]; default: those of the preset, else PLAIN before LOGIN." },
	{ "enabled", GW_OPTION_BOOL, AT(enabled), "true", "Whether mail may go this way." },
	GW_OPTIONS_END
};
#undef AT
