/* removal.h - mail that goes: because a person wants to be forgotten, or its time is over. Its keys
 * are destroyed; the files stay, and prove that nothing else was touched. A file goes when nothing
 * in it can be read any more. */
#ifndef ARCHIVE_REMOVAL_H
#define ARCHIVE_REMOVAL_H

#include "index.h"
#include "indexer.h"
#include "reader.h"

#include <gateway/module.h>

#include <stdatomic.h>

struct removal {
	struct store *store;
	struct indexer *indexer;
	struct query query;
	const char *what;        /* "forgotten", "expired" */
	int64_t by, time;        /* uid, ms */
	const atomic_bool *stop; /* between two of its steps */
	struct remote *remote; /* for the words of mail of which only a stub is here; NULL: none */
	bool only_free;        /* those under a hold are left out; else one of them stops all */

	uint64_t mails, held;
	int error; /* errno; ECANCELED: a hold forbids it, `hold`; EHOSTUNREACH: mail is in the
		      bucket, and that cannot be asked now; some may be gone before */
	char hold[200];
};

/* Blocks. A hold that is set meanwhile counts from then on. First it ends what another removal
 * began, and was cut off in. */
void removal_run(struct removal *removal);

/* The keys of records (struct doomed), on disk when it gives 0; else errno. */
int removal_of_keys(const char *folder, const GArray *doomed);

/* Files of which all keys are destroyed go. The number of them; -1: it failed. */
int removal_of_files(struct store *store, int64_t time);

#endif
