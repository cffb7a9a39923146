/* access.h - the configuration of access, as people write it and as it is used. */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "presets.h"
#include "sources.h"

/* In the order of a client's words; those of all begin with the second. */
enum sender_rule { SENDER_DEFAULT, SENDER_ANY, SENDER_DOMAINS };
enum from_rule { FROM_DEFAULT, FROM_STRICT, FROM_ENVELOPE, FROM_REWRITE, FROM_FLAG, FROM_OFF };

enum spf_use { SPF_USE_OFF, SPF_USE_RECORD, SPF_USE_FIELD };

struct config {
	bool logins;
	struct gw_list networks;
	struct gw_groups clients; /* struct client_config */
	int64_t sender, from;     /* the rules, less one */
	int64_t spf;              /* enum spf_use */
	struct gw_str address;    /* FROM_REWRITE: what From becomes */
	struct gw_str presets;    /* path of the admin's own */
};

struct client_config {
	struct gw_str name, type, address;
	struct gw_list networks, presets, certificates, domains, logins;
	bool login, require_spf;
	int64_t sender, from; /* enum sender_rule, enum from_rule */
};

/* In whose name it may send. */
struct rules {
	enum sender_rule sender;
	enum from_rule from;
	struct gw_str address;
};

struct networks {
	struct network *items;
	size_t count;
	struct source **sources; /* lists that are kept elsewhere */
	size_t source_count;
};

struct client {
	const struct client_config *config;
	struct networks networks;
	struct gw_str domains; /* parted by blanks */
	struct rules rules;    /* its own, or those of all */
};

/* What a session has shown of who it is; empty: nothing. */
struct who {
	struct gw_str address, login;
	struct gw_str fingerprint, subject; /* of its certificate */
};

struct activities;

/* The instance's data: the configuration with its networks parsed. */
struct access {
	struct networks networks;
	struct client *clients;
	size_t client_count;
	struct rules rules; /* of who is none of the clients */
	struct sources sources;
	struct presets presets;
	struct activities *activities;
};

/* Parses and judges the configuration; -1: problems were told. */
int access_start(struct gw_call *call);

/* The hook of that name. */
void access_clients(struct gw_call *call);

/* Whose session it is: the first client in file order that names its login, else the first that its
 * certificate and network are of. A client that names certificates is known by one of them, one
 * that names networks must come from them, one that names logins alone by its login. NULL: none. */
const struct client *access_client(const struct access *access, const struct who *who);

/* True when clients name the login, and it comes from none of their networks. */
bool access_login_is_elsewhere(const struct access *access, const struct who *who);
enum source_answer networks_have(const struct networks *networks, const struct network *peer);

/* True: a list that this address may be in has not come yet. */
bool access_is_open(const struct access *access, struct gw_str address);

/* The end of what access_start() began. */
void access_stop(struct gw_call *call, struct access *access);

#endif
