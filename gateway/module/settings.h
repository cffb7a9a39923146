/* settings.h - the `gateway` fragment as a struct, and what every relay has of its own. */
#ifndef MODULE_SETTINGS_H
#define MODULE_SETTINGS_H

#include "base/network.h"
#include "conf/conf.h"
#include "conf/option.h"
#include "loop/tls.h"

enum tls_mode { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT, TLS_OPPORTUNISTIC /* relays only */ };

enum accept_mode { ACCEPT_QUEUED, ACCEPT_CUTTHROUGH };

struct listen_settings {
	struct gw_str address; /* "0.0.0.0", "::", "127.0.0.1" */
	int64_t port;
	int64_t tls;      /* enum tls_mode */
	bool clear_login; /* AUTH also in clear: only taken for a loopback address */
	/* what a client hears of its message: that it is queued, or its next hop's answer */
	int64_t accept;         /* enum accept_mode */
	int64_t accept_wait;    /* ms: ... where it comes within that */
	struct tls_pair pair;   /* certificate empty: that of gateway.tls, and those beside it */
	struct gw_groups pairs; /* struct tls_pair: by name, beside it */
	int64_t client_certificate; /* enum tls_clients */
	struct gw_str client_ca;    /* who vouches for certificates of clients; empty: nobody */
	struct gw_str type;         /* mail that comes in here is of this type; empty: not said */
	struct gw_list proxy_from;  /* networks of load balancers that say for whom they connect */
	struct network *balancers;  /* these; made by snapshot_load */
	size_t balancer_count;
	struct tls_context *server; /* NULL with tls = none; made by snapshot_load */
	struct gw_str name;         /* "0.0.0.0:587" */
};

struct settings {
	struct gw_str hostname; /* default: the machine's */
	int64_t workers;        /* 0: one a core */
	int64_t offload_threads;
	struct gw_groups listeners; /* struct listen_settings */
	/* of listeners */
	struct {
		struct tls_pair pair;
		struct gw_groups pairs; /* struct tls_pair: by name, beside it */
		int64_t minimum;        /* 0: TLS 1.2; 1: 1.3 */
		struct gw_str ciphers;
	} tls;
	struct gw_str default_type;

	struct {
		int64_t message_size, recipients, sessions, sessions_per_client, line, junk,
			login_failures, hops, extent, data_rate, domains, relays_per_domain;
	} limits;
	/* ms: of our listeners */
	struct {
		int64_t command, data, message, handshake, scarce, session;
	} timeouts;
	struct {
		struct gw_list retry;
		int64_t *retry_ms;
		size_t retry_count;
		int64_t expire, delay_warning;
		int64_t active;
	} queue;
	/* ms: towards next hops */
	struct {
		int64_t connect, greeting, helo, mail, rcpt, data, block, dot, idle;
	} delivery;
	struct {
		struct gw_list forward;
		struct gw_str trust_anchor;
		bool local;
	} dns;
	struct {
		struct gw_str path;
		int64_t segment_size, min_free, min_free_inodes;
	} spool;
	struct {
		struct gw_str path;
		int64_t level, journal_days, journal_size;
	} log;
	struct {
		struct gw_str socket, admin_group, view_group;
	} control;
};

extern const struct gw_option settings_options[];
extern const struct gw_option relay_options[];

/* Remembers what the process began with, of the keys with GW_OPTION_RESTART. Main thread. */
void settings_begin(const struct settings *settings);

/* How many of those are others now: a warning for each with its place in `conf`, and all names in
 * `keys`. None before settings_begin. Main thread. */
size_t settings_need_restart(const struct settings *settings, const struct conf *conf,
			     struct problems *problems, char *keys, size_t size);

/* A configured next hop. `name` first, so that a str_map finds it. */
struct gw_relay {
	struct gw_str name;
	size_t index;         /* among the snapshot's relays */
	struct gw_list hosts; /* host = "a" or ["a", "b"]: tried in order */
	bool mx;              /* host = "mx": the mail hosts of each recipient's domain */
	int64_t port;         /* 0: 25, or 465 with implicit TLS */
	int64_t tls;          /* enum tls_mode */
	bool verify, verify_name;
	struct gw_list pins;
	enum tls_check check;         /* what these three come to */
	bool dane;                    /* with mx: TLSA records count */
	bool mta_sts;                 /* with mx: policies of domains count */
	struct gw_str mta_sts_server; /* "host:port"; empty: each domain's own */
	struct gw_str ca;
	struct tls_pair pair; /* ours */
	struct gw_str source; /* address to connect from; empty: any */
	struct gw_str helo;   /* empty: settings.hostname */
	/* at once, over all workers; with mx for each set of mail hosts */
	int64_t connections;
	int64_t per_connection; /* messages on one connection */
	int64_t max_rcpts;      /* recipients in one transaction */
	bool clear_login;       /* log in also without TLS */
	struct gw_str timezone; /* IANA zone in which its day begins */
	bool enabled;
	/* the fragment has an `auth` group: never go on without a login */
	bool by_module; /* a key is given by which a module delivers: no preset names a host then */
	bool auth;
	/* SASL mechanisms to log in by, the best first; empty: all that there are */
	struct gw_list mechanisms;
	struct gw_str provider_name;     /* "microsoft365", "other"; empty: not said */
	const struct provider *provider; /* its preset, or NULL */
	struct tls_context *client;      /* NULL with tls = none */
	const struct conf_fragment *fragment;
	/* counters that outlive reloads, by name; made by deliver/ when first used */
	struct relay_shared *shared;
	/* what is said about it now, by name too; made by relay_status.c when first used */
	struct relay_status_relay *status;
	/* per instance: what its relay_options filled; see instance.relay_slot */
	void **conf;
};

#endif
