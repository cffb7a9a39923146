/* message.h - what a client handed over: the envelope and the bytes, which never change, and how
 * far each recipient is.
 *
 * A message in memory belongs to one worker. It owns one arena; everything its members point to is
 * in there. It is made by receive/ or by dsn, or loaded from the spool, and it is freed when it
 * leaves memory; what must survive is encoded into the envelope (once, at the commit) and into the
 * state (each time it changes). */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "smtp/header.h"
#include "smtp/reply.h"
#include "spool/spool.h"

struct explanation;
struct snapshot; /* the configuration the message runs under; module/snapshot.h */

enum rcpt_status { RCPT_PENDING, RCPT_DELIVERED, RCPT_FAILED };

struct gw_rcpt {
	struct gw_message *message;
	struct gw_str address; /* without brackets */
	struct gw_str domain;  /* part of address */
	struct gw_str orcpt;   /* "rfc822;xtext" as given, or empty */
	unsigned notify;       /* enum smtp_notify */
	unsigned index;        /* in message->rcpts */
	enum rcpt_status status;
	bool delay_told;         /* a delay warning was sent */
	bool suspect;            /* an attempt ended unknown: stays with the relay below */
	struct gw_str relay;     /* of the last attempt, or empty */
	struct smtp_reply last;  /* the last answer about this recipient; code 0: none */
	struct gw_str last_host; /* who gave it */
};

struct note {
	struct note *next;
	struct gw_str key, value;
};

struct gw_message {
	struct arena arena;
	uint64_t id;
	struct worker *worker;
	struct snapshot *snapshot; /* held by whoever made the message, for as long as it lives */
	char *data;                /* private bytes of instances; made when first asked for */

	/* the envelope: fixed at the commit */
	struct gw_str sender; /* empty: the null sender */
	/* who handed it over, as the auth or access module named it; empty: nobody did */
	struct gw_str client;
	struct gw_str login;      /* the login name; empty: none */
	struct gw_str type;       /* individual, workflow, mass, ... */
	struct gw_str domains;    /* sender domains the client may use, parted by blanks */
	struct gw_str peer, helo; /* client address and its EHLO name */
	struct gw_str listener;   /* "0.0.0.0:587" */
	struct gw_str tls;        /* "TLSv1.3 ...", empty: clear */
	struct gw_str envid;      /* xtext as given */
	/* our Received field, CRLF at the end; goes before the bytes */
	struct gw_str trace;
	int64_t received_at;   /* wall, ms */
	unsigned body;         /* enum smtp_body */
	unsigned ret;          /* enum smtp_ret */
	struct gw_str type_by; /* who said the type: "client", "listener", "module"; empty: nobody.
				  Not written: decided by the commit */
	bool smtputf8, requiretls;
	bool eight_bit; /* there is a byte over 127 */
	bool long_line; /* a line is longer than 998 octets */
	bool own;       /* made by us: a DSN, a warning */
	/* what refuses it goes back as a DSN: see NOTE_REFUSED. Not written: decided by the commit
	 */
	bool accept_then_bounce;
	/* ms for which its client waits to hear what the next hop says; 0: 250 once it is kept. Not
	 * written: decided by the commit */
	int64_t answer_wait;
	/* never sent nor kept: somebody asks what would become of it */
	bool dry;
	struct explanation *explanation; /* of deliver/, where the answer goes; with dry */
	int64_t expires_at;              /* wall, ms */

	struct gw_rcpt **rcpts;
	size_t rcpt_count, rcpt_room;

	struct spool_content content;
	struct header_block *headers; /* message_headers() makes it */
	/* message_headers() found it over the bounds, and looks no more */
	bool header_too_large;

	/* the state: changes */
	struct note *notes;
	bool held; /* on hold until released */
	struct gw_str hold_reason;
	bool held_by_us; /* by the gateway itself: its sender is told, and it expires */
	/* what wakes it before its time: wait keys parted by '\n'; empty: nothing */
	struct gw_str wait_on;
	bool changed; /* the state is another than the one on disk */
	struct {
		int64_t next_at;
		struct gw_str wait_on;
	} recorded; /* as in the newest state, which a restart would find; 0: there is none */
	/* an admin wants it tried now, whatever is known about the relay */
	bool urgent;
	unsigned attempts;
	int64_t next_at; /* wall, ms: when it is due */
};

/* A new message for `snapshot` on this worker; NULL: no memory. The caller holds the snapshot
 * before and lets go of it after message_destroy. */
struct gw_message *message_create(struct worker *worker, struct snapshot *snapshot, uint64_t id);
void message_destroy(struct gw_message *message);

/* Adds a recipient; the strings are copied. NULL: no memory. */
struct gw_rcpt *message_rcpt_add(struct gw_message *message, struct gw_str address,
				 struct gw_str orcpt, unsigned notify);

/* How many recipients are neither delivered nor failed. */
size_t message_pending(const struct gw_message *message);

/* A note's value (ptr NULL: none), and setting one (value copied; -1: no memory or over NOTE_MAX
 * octets). */
#define NOTE_MAX 4096
#define NOTES_MAX 64
struct gw_str message_note(const struct gw_message *message, struct gw_str key);
int message_note_set(struct gw_message *message, struct gw_str key, struct gw_str value);

/* The note of a message that was refused after its client was told 250: the whole reply, "550 5.7.1
 * words". It is given back with these words and never delivered. */
#define NOTE_REFUSED "gateway.refused"

/* The index of the received header block; read from the spool when it is not in memory. NULL:
 * damaged, no memory, or (header_too_large) over MESSAGE_HEADER_MAX octets or HEADER_FIELDS_MAX
 * fields, which no client may hand in. */
#define MESSAGE_HEADER_MAX (2u << 20)
const struct header_block *message_headers(struct gw_message *message);

/* Appends envelope or state to `out` as mail/envelope_fields.h says; 0, or -1: no memory. Decoding
 * is for a message just made, copies what it keeps, gives -1 on anything malformed (an empty text
 * too), and accepts what newer minor versions add. */
int message_encode_envelope(const struct gw_message *message, struct buf *out);
int message_encode_state(const struct gw_message *message, struct buf *out);
int message_decode_envelope(struct gw_message *message, struct gw_str bytes);
int message_decode_state(struct gw_message *message, struct gw_str bytes);

/* Loads a queued message: 0 and *message, or a spool_error: only SPOOL_DAMAGED is for ever. */
int message_load(struct worker *worker, struct snapshot *snapshot, struct spool *spool, uint64_t id,
		 struct gw_message **message);

#endif
