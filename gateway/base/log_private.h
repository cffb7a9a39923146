/* log_private.h - what the parts of the log know of each other: lines are built in log.c, queued
 * and taken by a thread in log_writer.c, written through sinks (log_output.c), and kept by
 * log_journal.c. */
#ifndef BASE_LOG_PRIVATE_H
#define BASE_LOG_PRIVATE_H

#include "base/log.h"

#include <stdatomic.h>
#include <sys/stat.h>

/* Where a line goes. */
enum { LOG_TO_TARGET = 1, LOG_TO_JOURNAL = 2 };

const char *log_level_name(enum log_level level);

unsigned log_destinations(enum log_level level, bool carries_id);
/* True: the journal gets the line, if at all, later. */
bool log_hold_line(uint64_t id, const char *line, size_t len);
void log_put(const char *line, size_t len, unsigned where);
void log_count_dropped(uint64_t lines);

/* Waits until lines that were put before are in the journal; then its folder, which the caller
 * frees, or NULL with errno. */
char *log_settle_journal(void);

/* A descriptor with whole lines that wait for it. Writing never blocks on a pipe, a terminal or a
 * socket that is full, and may block on a disk. */
struct log_sink {
	int fd;
	bool pollable, is_socket;
	/* the last byte that went out: a line cut by a full disk is ended before the next */
	char last;
	char *pending; /* LOG_SINK_SIZE bytes, of which start..end wait */
	size_t start, end;
	uint64_t lost; /* lines dropped and not yet told of */
	int error;     /* errno of the last write, 0 when it went well */
};

#define LOG_SINK_SIZE (1024 * 1024)

int log_sink_init(struct log_sink *sink);
/* closes no descriptor; what waits counts as dropped */
void log_sink_finish(struct log_sink *sink);
void log_sink_use(struct log_sink *sink, int fd);
bool log_sink_waits(const struct log_sink *sink);
void log_sink_add(struct log_sink *sink, const char *line, size_t len);
/* as much as goes now; what cannot be written for an error is dropped */
void log_sink_flush(struct log_sink *sink);

/* "2026-11-23.log", "2026-11-23.part-000001.log" and so on, which sort as they were written. */
#define LOG_DAY_FILE 27

/* One file a day, or more where there is a bound on their octets. */
struct log_journal {
	char *folder;
	int folder_fd;
	unsigned keep_days;      /* 0: for ever */
	char day[11];            /* of the open file: "2026-11-23", or empty */
	char name[LOG_DAY_FILE]; /* its name */
	uint64_t octets, total;  /* of it, and of all files */
	int open_error;          /* why there is none */
	struct log_sink sink;
};

int log_journal_init(struct log_journal *journal, const char *folder, unsigned keep_days);
void log_journal_finish(struct log_journal *journal);
void log_journal_add(struct log_journal *journal, const char *line, size_t len);
void log_journal_flush(struct log_journal *journal);
void log_journal_reopen(struct log_journal *journal);

struct dirent;
uint64_t log_journal_bound(void); /* 0: none */
bool log_journal_is_day_file(const char *name);
void log_journal_name(char name[LOG_DAY_FILE], const char *day, unsigned part);
int log_journal_list(const char *folder, struct dirent ***files); /* as scandir(): oldest first */
unsigned log_journal_last_part(const char *folder, const char *day);
/* gives what is left */
uint64_t log_journal_trim(const struct log_journal *journal, uint64_t most);
void log_journal_expire(const struct log_journal *journal, const char *oldest);

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

/* --- log_memory.c and log_memory_file.c: the queue between callers and the log's thread, which
 * outlives a kill -9 where it can --- */

#define LOG_HALF_SIZE (2u * 1024 * 1024)
#define LOG_MEMORY_NAME 64

/* Callers fill half[front] up to `used`, while `taken` octets of the other are being written. One
 * word, so that no moment is between. */
struct log_halves {
	bool front;
	uint32_t used, taken;
};
struct log_memory {
	uint64_t magic;
	char folder[4096]; /* the journal's, absolute: the file is of no use once that is gone */
	_Atomic uint64_t halves;
	char half[2][LOG_HALF_SIZE];
};
struct log_memory_file {
	struct log_memory *memory;
	int fd; /* -1: the memory is this process's alone */
	char name[LOG_MEMORY_NAME];
};

void log_memory_name(char name[LOG_MEMORY_NAME], const struct stat *folder);
void log_memory_sweep(void); /* removes what dead processes left whose journals are gone */

static inline struct log_halves log_halves_load(const struct log_memory *memory)
{
	uint64_t word = atomic_load_explicit(&memory->halves, memory_order_acquire);
	return (struct log_halves){ word >> 62 & 1, (uint32_t)(word >> 31) & 0x7fffffffu,
				    (uint32_t)word & 0x7fffffffu };
}
static inline void log_halves_store(struct log_memory *memory, struct log_halves halves)
{
	uint64_t word = (uint64_t)halves.front << 62 | (uint64_t)halves.used << 31 | halves.taken;
	atomic_store_explicit(&memory->halves, word, memory_order_release);
}

/* folder: the journal's, or NULL */
int log_memory_open(struct log_memory_file *file, const char *folder);
/* else it is left for the next process */
void log_memory_close(struct log_memory_file *file, bool written);
/* writes what a dead process left there */
void log_memory_recover(struct log_memory_file *file, struct log_output *output);

int log_output_init(struct log_output *output, const char *path, const char *journal,
		    unsigned keep_days);
void log_output_finish(struct log_output *output);
void log_output_write(struct log_output *output, const char *batch, size_t len,
		      uint64_t lost_before);
void log_output_reopen(struct log_output *output);
/* until the target takes more, at most so long */
void log_output_wait(struct log_output *output, int ms);
void log_output_drain(struct log_output *output, int64_t stop_at); /* by the monotonic clock */

#endif
