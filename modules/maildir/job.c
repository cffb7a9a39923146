#include "job.h"

#include <stdio.h>
#include <stdlib.h>

void job_free(void *arg)
{
	struct job *job = arg;
	size_t i;

	for (i = 0; i < job->count; i++) {
		free(job->copies[i].folder);
		free(job->copies[i].front);
	}
	free(job);
}

/* An address as the name of a folder: what could lead out of the Maildir, or hide in it, is written
 * as %XX. */
static void put_address(FILE *out, struct gw_str address)
{
	size_t i;

	for (i = 0; i < address.len; i++) {
		unsigned char c = (unsigned char)address.ptr[i];
		bool plain = c > ' ' && c != '/' && c != '%' && c != 127 && (c != '.' || i != 0);

		if (c >= 'A' && c <= 'Z')
			c = (unsigned char)(c + 'a' - 'A');
		fprintf(out, plain ? "%c" : "%%%02X", c);
	}
}

/* NULL: no memory. */
static char *folder_of(struct gw_str path, struct gw_str address)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s", path.ptr);
	if (address.len) {
		fputc('/', out);
		put_address(out, address);
	}
	return fclose(out) == 0 ? text : NULL;
}

/* The fields in front: of one recipient, or (rcpt NULL) of all of them. */
static char *front_of(struct gw_delivery *delivery, struct gw_rcpt *rcpt)
{
	struct gw_str sender = gw->delivery_fact(delivery, GW_DELIVERY_RETURN_PATH);
	struct gw_rcpt *each = rcpt ? rcpt : gw->delivery_rcpt(delivery, 0);
	char *text = NULL;
	size_t size, nth = 1;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "Return-Path: <%.*s>\r\n", GW_STR_ARGS(sender));
	for (; each; each = rcpt ? NULL : gw->delivery_rcpt(delivery, nth++)) {
		struct gw_str address = gw->rcpt_fact(each, GW_RCPT_ADDRESS);
		fprintf(out, "Delivered-To: %.*s\r\n", GW_STR_ARGS(address));
	}
	return fclose(out) == 0 ? text : NULL;
}

static int copy_init(struct copy *copy, const struct config *config, struct gw_str path,
		     struct gw_delivery *delivery, struct gw_rcpt *rcpt)
{
	copy->folder = folder_of(path, rcpt ? gw->rcpt_fact(rcpt, GW_RCPT_ADDRESS) : gw_str(""));
	copy->front = config->trace ? front_of(delivery, rcpt) : calloc(1, 1);
	return copy->folder && copy->front ? 0 : -1;
}

struct job *job_create(const struct config *config, struct gw_str path,
		       struct gw_delivery *delivery)
{
	bool split = config->split == SPLIT_RECIPIENT;
	size_t count = split ? (size_t)gw->delivery_number(delivery, GW_DELIVERY_RCPTS) : 1, i;
	struct job *job = calloc(1, sizeof *job + count * sizeof *job->copies);

	if (!job)
		return NULL;
	job->letter = (struct letter){ delivery, gw->delivery_number(delivery, GW_DELIVERY_SIZE) };
	job->count = count;
	for (i = 0; i < count; i++)
		if (copy_init(&job->copies[i], config, path, delivery,
			      split ? gw->delivery_rcpt(delivery, i) : NULL) != 0) {
			job_free(job);
			return NULL;
		}
	return job;
}

void job_run(void *arg)
{
	struct job *job = arg;
	size_t i;

	for (i = 0; i < job->count; i++) {
		struct copy *copy = &job->copies[i];
		copy->error = box_store(copy->folder, gw_str(copy->front), &job->letter,
					copy->name);
	}
}

const struct copy *job_copy(const struct job *job, size_t nth)
{
	return &job->copies[job->count == 1 ? 0 : nth];
}
