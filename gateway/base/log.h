/* log.h - log lines as key=value, one line an event, so that a person follows one message with
 * grep.
 *
 *   2026-11-23T17:40:12.345Z info received id=1CVQ... client=zoho-crm from=<a@example.com>
 * size=4096 rcpts=1
 *
 * Callers never wait for the log: a line goes into a bounded memory queue that a thread of the log
 * writes out. When the target blocks or is full, lines are dropped and counted, and the count is
 * logged when it writes again. Values are quoted where they hold blanks, quotes, '=' or what
 * steers a terminal: controls, marks of direction (utf8_harmless) and octets that are no UTF-8,
 * which become \xNN. So a line is one line, and shows what it says, whatever a peer sent. Secrets
 * are never given to the log.
 *
 * The journal is the same lines of level info and above that carry an id, kept in files of one day
 * each in a folder and removed after journal_days (0: never), or earlier where they have more
 * octets than log_set_journal_size() allows; `message explain` reads it. Of a message that is not
 * accepted it keeps nothing, unless the spool failed: see log_hold(). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/event.h"

#include <gateway/str.h>

#include <stdarg.h>
#include <stdio.h>

struct log_line; /* a line being built, on the caller's stack */

#define LOG_LINE_MAX 4096 /* a longer line is cut and ends in " cut=yes" */

/* Starts the log's thread. `path` NULL or "-" is stderr. `journal` is an existing folder, or NULL.
 * 0, or -1 with errno. Before log_start and after log_stop, lines go straight to stderr. */
int log_start(const char *path, const char *journal, enum log_level level, unsigned journal_days);

/* What goes straight to stderr goes to this file too from now on, instead of to the one before,
 * which is closed. Takes the descriptor over. */
void log_copy_to(int fd);

/* Writes out what is queued, at most for `wait_ms`, and ends the thread. Nobody may be in
 * log_journal_read any more. */
void log_stop(unsigned wait_ms);

/* Opens the file again (after a rotation). [any thread] */
void log_reopen(void);

void log_set_level(enum log_level level);

/* All files of the journal together are held within so many octets, the oldest go first; 0: no
 * bound. [any thread] */
void log_set_journal_size(uint64_t octets);
bool log_enabled(enum log_level level);

/* Lines dropped since the start. [any thread] */
uint64_t log_dropped(void);

/* One line: an event of events.def, then the key=value pairs that its row names, built by the calls
 * in between:
 *     struct log_line *line = log_open(EVENT_RECEIVED);
 *     log_str(line, KEY_FROM, sender);
 *     log_close(line);
 * log_open takes a line from the calling thread (one at a time per thread) and gives NULL when the
 * event's level is off; every other call accepts NULL. [any thread] */
struct log_line *log_open(enum event_id event);
/* of a module, by its name and at a level of its choice: the keys are id, by and text */
struct log_line *log_open_module(enum log_level level, const char *module);
void log_str(struct log_line *line, enum event_key key, struct gw_str value);
void log_text(struct log_line *line, enum event_key key, const char *value);
void log_int(struct log_line *line, enum event_key key, int64_t value);
void log_id(struct log_line *line, uint64_t id); /* id=...: as printed by id_format() of id.h */
void log_fmt(struct log_line *line, enum event_key key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void log_close(struct log_line *line);

/* From log_hold() on the lines of this thread that carry the id wait in memory for the journal
 * (some KiB of them; the log itself has them at once): log_keep() puts them there, before the
 * message is given to the spool, and log_forget() drops them. Both accept ids that nobody holds. */
void log_hold(uint64_t id);
void log_keep(uint64_t id);
void log_forget(uint64_t id);

/* A line with one text="..." pair, for what is no event of a message. */
void log_say(enum event_id event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Calls `each` for every journal line that carries the id, oldest first, beginning at the time the
 * id was made; stops when `each` gives non-zero. Blocks on the disk: not for a worker. 0, or -1
 * with errno when the journal cannot be read. Waits until lines that were closed before the call
 * are in the file. */
int log_journal_read(uint64_t id, int (*each)(void *arg, struct gw_str line), void *arg);

#endif
