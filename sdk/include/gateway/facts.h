/* gateway/facts.h - what can be asked about a session, message, recipient, delivery or relay, by
 * number.
 *
 * A number once given never changes its meaning; new facts are added at the end. What a gateway
 * does not know it answers with the empty string, or -1 where a number was asked for. */
#ifndef GATEWAY_FACTS_H
#define GATEWAY_FACTS_H

enum gw_session_fact {
	GW_SESSION_PEER = 1,  /* string: client address "192.0.2.1", "2001:db8::1" */
	GW_SESSION_PEER_PORT, /* number */
	GW_SESSION_LISTENER,  /* string: "0.0.0.0:587" */
	GW_SESSION_HELO,      /* string: the name given in EHLO, empty before */
	GW_SESSION_TLS,       /* string: "TLSv1.3 TLS_AES_256_GCM_SHA384", empty in clear */
	GW_SESSION_LOGIN,     /* string: the login name, empty before a login */
	GW_SESSION_CLIENT,    /* string: who it is, as identify() said */
	/* string: the type of mail this client sends, as identify() or the listener said */
	GW_SESSION_TYPE,
	/* string: sender domains of the client, parted by blanks; empty: not said */
	GW_SESSION_DOMAINS,
	GW_SESSION_MESSAGES, /* number: messages taken in this session */
	/* string: SHA-256, lower-case hex, of the certificate that the client showed, and whose key
	   it has, whoever issued it; empty: it showed none. Known once TLS stands */
	GW_SESSION_TLS_FINGERPRINT,
	/* string: its subject, "CN=crm,O=Example" (RFC 2253), where an authority of the listener's
	   client_ca vouches for it; else empty */
	GW_SESSION_TLS_SUBJECT,
};

enum gw_message_fact {
	GW_MESSAGE_ID = 1,   /* string: the queue id; number: the same as 64 bits */
	GW_MESSAGE_SENDER,   /* string: MAIL FROM, empty for the null sender */
	GW_MESSAGE_CLIENT,   /* string */
	GW_MESSAGE_LOGIN,    /* string */
	GW_MESSAGE_TYPE,     /* string */
	GW_MESSAGE_DOMAINS,  /* string */
	GW_MESSAGE_PEER,     /* string */
	GW_MESSAGE_HELO,     /* string */
	GW_MESSAGE_LISTENER, /* string */
	GW_MESSAGE_TLS,      /* string */
	GW_MESSAGE_ENVID,    /* string: ENVID as given, xtext */
	/* number: octets as received; before DATA what SIZE= said, or -1 */
	GW_MESSAGE_SIZE,
	GW_MESSAGE_RCPTS,       /* number: recipients so far */
	GW_MESSAGE_RECEIVED_AT, /* number: ms since 1970 UTC */
	GW_MESSAGE_EIGHT_BIT,   /* number: 1 when an octet over 127 is in it */
	GW_MESSAGE_SMTPUTF8,    /* number: 1 when asked for */
	GW_MESSAGE_OWN,         /* number: 1 when the gateway made it (a DSN, a warning) */
	GW_MESSAGE_ATTEMPTS,    /* number: how often it was due before */
	/* string: domain of the first From mailbox, else of the sender; from `message` on */
	GW_MESSAGE_FROM_DOMAIN,
	/* number: 1: nothing will be sent, somebody only asks what would be: decide the same, count
	   nothing */
	GW_MESSAGE_DRY,
	/* string: who said its type: "client" (identify), "listener", "module" (type_set); empty:
	   nobody, it is the default. Known up to `message` */
	GW_MESSAGE_TYPE_BY,
	/* number: 1: the header ends at a line that is no field, and not at a blank one; 2: fields
	   stand behind that line, which lenient readers take for the header's (what looks for a
	   field, or strips one, does not see them); 0: neither. From `message` on */
	GW_MESSAGE_HEADER_ODD,
};

enum gw_rcpt_fact {
	GW_RCPT_ADDRESS = 1, /* string: without brackets */
	GW_RCPT_DOMAIN,      /* string */
	GW_RCPT_ORCPT,       /* string: ORCPT as given, "rfc822;xtext" */
	/* number: 1 never, 2 success, 4 failure, 8 delay, added; 0 not given */
	GW_RCPT_NOTIFY,
	GW_RCPT_INDEX,  /* number: its place in the message, from 0 */
	GW_RCPT_STATUS, /* number: 0 pending, 1 delivered, 2 failed */
};

enum gw_delivery_fact {
	GW_DELIVERY_RELAY = 1,   /* string: name of the relay */
	GW_DELIVERY_RCPTS,       /* number: recipients of this delivery */
	GW_DELIVERY_RETURN_PATH, /* string: MAIL FROM as it stands */
	GW_DELIVERY_SIZE,        /* number: octets that go out, our trace field included */
	GW_DELIVERY_BODY_SIZE,   /* number: octets of the body as it stands */
	GW_DELIVERY_HOST,        /* string: the next hop's name, once connected */
	/* string: EHLO keywords of the next hop, parted by '\n', once known */
	GW_DELIVERY_CAPABILITIES,
	/* string: SASL mechanisms the next hop offers, parted by blanks, in `login` */
	GW_DELIVERY_MECHANISMS,
	GW_DELIVERY_TLS,     /* string: of the link to the next hop */
	GW_DELIVERY_HEADERS, /* number: fields in the header as it stands */
	/* number: enum gw_cause, why the relay before was left (`fallback`: this one); 0: it is the
	   first */
	GW_DELIVERY_CAUSE,
	/* string: with what the next hop refused the token that it was given on this link: "535
	   5.7.3 no" and its JSON; `login` is asked once for another then. Empty: it did not */
	GW_DELIVERY_LOGIN_REFUSED,
	/* string: as GW_MESSAGE_FROM_DOMAIN, of the header as it stands */
	GW_DELIVERY_FROM_DOMAIN,
	/* string: what the link was to have at least, and what it got: "none", "opportunistic"
	   (wanted alone), "encryption", or what makes the certificate right: "chain", "name",
	   "pin", "dane", "mta-sts" (wanted alone) */
	GW_DELIVERY_TLS_WANTED,
	GW_DELIVERY_TLS_GOT,
};

enum gw_relay_fact {
	GW_RELAY_NAME = 1, /* string */
	GW_RELAY_HOST,     /* string: the first host, empty where a module delivers */
	GW_RELAY_PORT,     /* number */
	GW_RELAY_ENABLED,  /* number: 1 unless it is switched off */
	GW_RELAY_INDEX,    /* number: its place among the relays, from 0, in file order */
	GW_RELAY_PROVIDER, /* string: name of its provider's preset; empty: none */
	/* number: recipients a day that the provider takes; -1: not known */
	GW_RELAY_PROVIDER_DAILY,
	/* number: messages a minute that the provider takes; -1: not known */
	GW_RELAY_PROVIDER_MINUTE,
	GW_RELAY_CONNECTIONS, /* number: connections at once, as configured */
	GW_RELAY_TIMEZONE,    /* string: IANA zone in which its day begins; "UTC" unless set */
	/* strings: OAuth at its provider, "{tenant}" still in them; empty: not known */
	GW_RELAY_AUTHORIZE_URL, /* where a person consents */
	GW_RELAY_DEVICE_URL,    /* where a device asks for its code */
	GW_RELAY_TOKEN_URL,     /* where tokens come from */
	GW_RELAY_REVOKE_URL,    /* where they are taken back */
	GW_RELAY_SCOPE,         /* what to ask for, parted by blanks */
	/* number: 1: host = "mx", it stands for the mail hosts of each recipient's domain */
	GW_RELAY_MX,
};

#endif
