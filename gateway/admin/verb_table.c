/* verb_table.c - every verb of the gateway, with all the words it knows. */
#include "admin/queue_change.h"

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, NULL, false                                                            \
	}

static const struct verb_word list_words[] = {
	FILTER_WORDS,
	{ "--held", NULL, "short for --status held", false },
	{ "--limit", "N", "the oldest N of them; default: 1000", false },
	END,
};

static const struct verb_word show_words[] = {
	{ "--message", NULL,
	  "its header as it was received, for admins; the gateway's Received field first", false },
	{ "--all", NULL, "with --message: its body too; into a file it is octet for octet", false },
	{ "--at", "OCTET",
	  "with --message: from there on; gatewayctl asks so for the parts of a long one", false },
	END,
};

static const struct verb_word summary_words[] = {
	{ "--by", "WORD", "reason, relay, domain, client or age alone", false },
	FILTER_WORDS,
	{ "--limit", "N", "the N largest groups by each; default: 10", false },
	END,
};

static const struct verb_word change_words[] = { CHANGE_WORDS, END };

static const struct verb_word move_words[] = {
	{ "--move-to", "RELAY", "where they go; after ids, --to RELAY says the same", false },
	CHANGE_WORDS,
	END,
};

static const struct verb_word rm_words[] = {
	{ "--move-to", "RELAY", "what waits for it goes by that relay and no other", false },
	{ "--requeue", NULL, "what waits for it takes any other way", false },
	{ "--yes", NULL, "does not ask on a terminal where the fragment was written by hand",
	  false },
	END,
};

static const struct verb_word test_words[] = {
	{ "--to", "ADDRESS", "asks for this recipient too", false },
	{ "--from", "ADDRESS", "from this sender", false },
	END,
};

static const struct verb_word explain_words[] = {
	{ "--from", "ADDRESS", "the sender", true },
	{ "--to", "ADDRESS", "the recipient", true },
	{ "--type", "TYPE", "the type it is taken to have", false },
	{ "--client", "NAME", "the client it comes from, with its domains, type, login and address",
	  false },
	{ "--eml", "FILE", "the message, as a file; \"-\" is the input", false },
	{ "--all", NULL, "tells of relays that are no candidates too, and why", false },
	END,
};

/* gatewayctl makes the line itself; they are here for `help`. */
static const struct verb_word password_words[] = {
	{ "--domains", "A,B", "sender domains it may use; * is all of them", false },
	{ "--type", "TYPE", "the type of its mail", false },
	{ "--client", "NAME", "its name in logs, limits and rules", false },
	{ "--scram", NULL, "an entry for SCRAM-SHA-256; PLAIN and LOGIN work with it too", false },
	END,
};

#define ANY REQUEST_WORDS

const struct control_verb control_verbs[] = {
	{ "status", "", "what runs, how much, and what is wrong", "status --json", FOR_VIEW, 0, 0,
	  NULL, verb_status },
	{ "queue list", "", "messages that are not done", "queue list --relay mass --older 2h",
	  FOR_VIEW, 0, 0, list_words, verb_queue_list },
	{ "queue summary", "", "how many there are, by reason, relay, domain, client and age",
	  "queue summary --by domain --relay mass", FOR_VIEW, 0, 0, summary_words,
	  verb_queue_summary },
	{ "queue show", "ID", "one of them, with each recipient", "queue show 1AbCdEfGhIjK",
	  FOR_VIEW, 1, 1, show_words, verb_queue_show },
	{ "queue retry", "[ID ...]", "makes those that wait due now; what is on hold stays there",
	  "queue retry --relay mass", CHANGES, 0, ANY, change_words, verb_queue_retry },
	{ "queue hold", "[ID ...]", "keeps them until released", "queue hold --from newsletter@",
	  CHANGES, 0, ANY, change_words, verb_queue_hold },
	{ "queue release", "[ID ...]", "ends a hold", "queue release --status held --client crm",
	  CHANGES, 0, ANY, change_words, verb_queue_release },
	{ "queue bounce", "[ID ...]", "gives them back to their senders",
	  "queue bounce --to @dead.example", CHANGES, 0, ANY, change_words, verb_queue_bounce },
	{ "queue delete", "[ID ...]",
	  "throws them away; no sender is told, nothing brings them back",
	  "queue delete --from robot@ --older 2d", CHANGES, 0, ANY, change_words,
	  verb_queue_delete },
	{ "queue move", "[ID ...]", "sends them by one relay and no other",
	  "queue move --relay mass --move-to origin", CHANGES, 0, ANY, move_words,
	  verb_queue_move },
	{ "relay list", "", "the relays, and how they are", "relay list", FOR_VIEW, 0, 0, NULL,
	  verb_relay_list },
	{ "relay show", "NAME", "one of them, with all that is known of it", "relay show mass",
	  FOR_VIEW, 1, 1, NULL, verb_relay_show },
	{ "relay add", "NAME KEY=VALUE ...",
	  "writes conf.d/50-relay-NAME.conf and takes it into use, or changes nothing",
	  "relay add mass host=smtp.example.net port=587 auth.user=crm auth.password=file:/etc/gateway/mass.pw",
	  CHANGES, 1, ANY, NULL, verb_relay_add },
	{ "relay rm", "NAME", "removes it; refused while mail waits for it",
	  "relay rm mass --move-to origin", CHANGES, 1, 1, rm_words, verb_relay_rm },
	{ "relay off", "NAME", "no new mail goes there, until it is switched on; over restarts too",
	  "relay off mass", CHANGES, 1, 1, NULL, verb_relay_off },
	{ "relay on", "NAME", "ends that", "relay on mass", CHANGES, 1, 1, NULL, verb_relay_on },
	{ "relay resume", "NAME", "opens one that was suspended after failures",
	  "relay resume mass", CHANGES, 1, 1, NULL, verb_relay_resume },
	{ "relay test", "NAME",
	  "connects and logs in as mail would, sends nothing, says what is wrong",
	  "relay test mass --to me@example.com", CHANGES, 1, 1, test_words, verb_relay_test },
	{ "message explain", "ID", "all that happened to a message, and why",
	  "message explain 1AbCdEfGhIjK", FOR_VIEW, 1, 1, NULL, verb_explain },
	{ "explain", "",
	  "which relay would take such a message, and why not the others; sends nothing",
	  "explain --from crm@example.com --to you@example.net --type mass", FOR_VIEW, 0, 0,
	  explain_words, verb_explain_what },
	{ "tls explain", "DOMAIN",
	  "which TLS mail for a domain goes with where it is delivered to its mail hosts, why, and what the last attempt got",
	  "tls explain example.net", FOR_VIEW, 1, 1, NULL, verb_tls_explain },
	{ "password", "USER",
	  "makes a line for the file of users; asks for the password, or reads it from the input",
	  "password crm --domains example.com", FOR_VIEW, 0, ANY, password_words, verb_password },
	{ "modules", "", "what is loaded, and what each hooks", "modules", FOR_VIEW, 0, 0, NULL,
	  verb_modules },
	{ "hooks", "", "the hooks, their rules, and who is asked in which order", "hooks", FOR_VIEW,
	  0, 0, NULL, verb_hooks },
	{ "options", "[NAME]", "every option of the gateway, of relays, of a module",
	  "options relay", FOR_VIEW, 0, 1, NULL, verb_options },
	{ "check", "",
	  "reads the configuration without using it, and asks the modules to look deeper", "check",
	  FOR_ADMINS, 0, 0, NULL, verb_check },
	{ "reload", "", "swaps the configuration in, whole or not at all", "reload", CHANGES, 0, 0,
	  NULL, verb_reload },
	{ NULL, NULL, NULL, NULL, FOR_VIEW, 0, 0, NULL, NULL },
};
