/* log_private.h - what the parts of the log know of each other: lines are built in log.c, queued and taken by a thread in log_writer.c,
 * written through sinks (log_output.c), and kept by log_journal.c. */
#ifndef BASE_LOG_PRIVATE_H
#define BASE_LOG_PRIVATE_H

#include "base/log.h"

/* Where a line goes. */
enum { LOG_TO_TARGET = 1, LOG_TO_JOURNAL = 2 };

unsigned log_destinations(enum log_level level, bool carries_id);
void log_put(const char *line, size_t len, unsigned where);
void log_count_dropped(uint64_t lines);

/* Waits until lines that were put before are in the journal; then its folder, which the caller frees, or NULL with errno. */
char *log_settle_journal(void);

/* A descriptor with whole lines that wait for it. Writing never blocks on a pipe, a terminal or a socket that is full, and may block
 * on a disk. */
struct log_sink {
	int fd;
	bool pollable, is_socket;
	char last;     /* the last byte that went out: a line cut by a full disk is ended before the next */
	char *pending; /* LOG_SINK_SIZE bytes, of which start..end wait */
	size_t start, end;
	uint64_t lost; /* lines dropped and not yet told of */
	int error;     /* errno of the last write, 0 when it went well */
};

#define LOG_SINK_SIZE (1024 * 1024)

int log_sink_init(struct log_sink *sink);
void log_sink_finish(struct log_sink *sink); /* closes no descriptor; what waits counts as dropped */
void log_sink_use(struct log_sink *sink, int fd);
bool log_sink_waits(const struct log_sink *sink);
void log_sink_add(struct log_sink *sink, const char *line, size_t len);
void log_sink_flush(struct log_sink *sink); /* as much as goes now; what cannot be written for an error is dropped */

/* One file a day. */
struct log_journal {
	char *folder;
	int folder_fd;
	unsigned keep_days; /* 0: for ever */
	char day[11];       /* of the open file: "2026-11-23", or empty */
	int open_error;     /* why there is none */
	struct log_sink sink;
};

#define LOG_DAY_FILE 15 /* "2026-11-23.log" */

int log_journal_init(struct log_journal *journal, const char *folder, unsigned keep_days);
void log_journal_finish(struct log_journal *journal);
void log_journal_add(struct log_journal *journal, const char *line, size_t len);
void log_journal_flush(struct log_journal *journal);
void log_journal_reopen(struct log_journal *journal);
bool log_journal_is_day_file(const char *name);

/* What the log's thread writes to. */
struct log_output {
	char *path; /* NULL: stderr */
	struct log_sink target;
	bool has_journal, journal_broken;
	struct log_journal journal;
};

/* A line in a batch: this, then `len` bytes. */
struct log_record {
	uint16_t len, where;
};

int log_output_init(struct log_output *output, const char *path, const char *journal, unsigned keep_days);
void log_output_finish(struct log_output *output);
void log_output_write(struct log_output *output, const char *batch, size_t len, uint64_t lost_before);
void log_output_reopen(struct log_output *output);
void log_output_wait(struct log_output *output, int ms);           /* until the target takes more, at most so long */
void log_output_drain(struct log_output *output, int64_t stop_at); /* by the monotonic clock */

#endif
