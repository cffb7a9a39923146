/* s3_state.h - how far the uploads have come: FOLDER/s3/state, which is written before what it says
 * is begun, so that whatever is cut off is done again in the same way. It is not synced: an older
 * one, as a power cut may bring back, is as good, since what it does not know is done again; and
 * where it is missing, or no JSON, it is found out from what is in the bucket. */
#ifndef ARCHIVE_S3_STATE_H
#define ARCHIVE_S3_STATE_H

#include "s3_part.h"

/* A notice, whose keys are to go from the bucket as well. */
struct s3_notice {
	char name[SEGMENT_NAME];
	uint64_t at;
};

struct s3_state {
	char *target; /* of which it is; NULL: of none, and the rest says nothing */
	char name[SEGMENT_NAME];
	uint64_t at; /* all up to here is there; "" and 0: nothing is */

	int64_t until; /* ms: of the last span with mail in it: what is said of mail later is
			  locked as long */

	GArray *pending;  /* struct s3_span, in order: they may be there, in part or whole */
	char *upload;     /* of the only one, in parts; NULL: it is not, or not begun */
	GPtrArray *etags; /* of the parts that are there */

	GArray *notices; /* struct s3_notice: keys that may still be there */
	bool sweep;      /* nobody knows which of them: all that is there is to be compared */
	char holds[65];  /* SHA-256 of the file of holds that is there */
};
void s3_state_init(struct s3_state *state);
void s3_state_finish(struct s3_state *state);

/* False: there is none of this target, and it is empty then. */
bool s3_state_read(struct s3_state *state, const char *folder, const char *target);
/* Whole, in the place of the one before, when it gives 0; else errno. */
int s3_state_write(const struct s3_state *state, const char *folder);

/* The upload that is under way is over, or is to begin anew. */
void s3_state_drop_parts(struct s3_state *state);

#endif
