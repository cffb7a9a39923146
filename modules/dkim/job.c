#include "job.h"

#include <stdlib.h>

static long read_body(void *arg, uint64_t offset, void *out, size_t len)
{
	const struct job *job = arg;

	return gw->delivery_read(job->delivery, job->body_at + offset, out, len);
}

struct job *job_new(struct gw_call *call, const struct signer *signer, struct gw_delivery *delivery,
		    const size_t *numbers, size_t count, int64_t expire)
{
	struct job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->signer = signer;
	for (job->key_count = 0; job->key_count < count; job->key_count++)
		job->keys[job->key_count] = job->signer->keys[numbers[job->key_count]];
	job->delivery = delivery;
	job->body_at = (uint64_t)(gw->delivery_number(delivery, GW_DELIVERY_SIZE) -
				  gw->delivery_number(delivery, GW_DELIVERY_BODY_SIZE));
	job->input = (struct sign_input){ .lib = job->signer->lib,
					  .domain = job->keys[0].domain,
					  .read = read_body,
					  .arg = job };
	job->input.time = gw->now(call) / 1000;
	job->input.expire = expire ? job->input.time + expire / 1000 : 0;
	return job;
}

void job_free(void *arg)
{
	struct job *job = arg;
	size_t i;

	for (i = 0; i < job->key_count; i++)
		text_finish(&job->values[i]);
	text_finish(&job->bytes);
	text_finish(&job->names);
	free(job->fields);
	free(job);
}

/* The field as every canonicalization has it, without blanks before its colon: libopendkim takes
 * but one kind of them away. Bytes move while they grow: until all are there, a field's ptr is only
 * its length's companion. */
static bool job_add_field(struct job *job, const struct gw_header *field)
{
	size_t before = job->bytes.len;

	if (job->count == job->room) {
		size_t room = job->room ? job->room * 2 : 32;
		struct gw_str *fields = realloc(job->fields, room * sizeof *fields);

		if (!fields)
			return false;
		job->fields = fields;
		job->room = room;
	}
	text_add(&job->bytes, field->name.ptr, field->name.len);
	text_add(&job->bytes, ":", 1);
	text_add(&job->bytes, field->value.ptr, field->value.len);
	job->fields[job->count++].len = job->bytes.len - before;
	return !job->bytes.failed;
}

/* Blanks are SP and HTAB (RFC 6376 section 2.8); libopendkim, and whoever verifies with it, takes
 * these for blanks as well: with them in a signed field no signature is right for everybody. */
static bool has_control(struct gw_str whole)
{
	size_t i;

	for (i = 0; i < whole.len; i++)
		if (whole.ptr[i] == '\0' || whole.ptr[i] == '\f' || whole.ptr[i] == '\v')
			return true;
	return false;
}

/* The header ended at a line that is no field: what is signed as body others may read as header, or
 * the other way round. */
static enum gathered check_end(const struct job *job)
{
	char end[5];
	long got = job->body_at >= 4 ? gw->delivery_read(job->delivery, job->body_at - 4, end, 5)
				     : 0;

	if (got < 0)
		return GATHERED_NO_MEMORY;
	return got == 5 && memcmp(end, "\r\n\r\n", 4) != 0 ? GATHERED_ODD : GATHERED;
}

static void place_fields(struct job *job)
{
	const char *at = job->bytes.ptr;
	size_t i;

	for (i = 0; i < job->count; i++) {
		job->fields[i].ptr = at;
		at += job->fields[i].len;
	}
}

enum gathered job_gather(struct job *job)
{
	struct gw_header header = { .size = sizeof header };
	unsigned counts[NAMES_MAX] = { 0 };
	enum gathered end = check_end(job);
	size_t nth;

	if (end != GATHERED)
		return end;
	for (nth = 0; gw->delivery_header(job->delivery, nth, &header) == 0; nth++) {
		int name = signer_name(job->signer, header.name);

		if (name < 0)
			continue;
		if (has_control(header.whole))
			return GATHERED_CONTROL;
		counts[name]++;
		if (!job_add_field(job, &header))
			return GATHERED_NO_MEMORY;
	}
	place_fields(job);
	signer_names(job->signer, counts, &job->names);
	job->input.fields = job->fields;
	job->input.count = job->count;
	job->input.names = job->names.ptr;
	if (job->names.failed)
		return GATHERED_NO_MEMORY;
	return counts[signer_name(job->signer, gw_str("from"))] ? GATHERED : GATHERED_NO_FROM;
}

void job_work(void *arg)
{
	struct job *job = arg;

	job->fault = sign_message(&job->input, job->keys, job->key_count, job->values);
}

bool job_add_fields(struct gw_call *call, struct job *job)
{
	size_t i;

	for (i = job->key_count; i-- > 0;) {
		struct gw_str value = gw_str_n(job->values[i].ptr, job->values[i].len);

		if (gw->header_add(call, job->delivery, 0, gw_str("DKIM-Signature"), value) != 0) {
			job->fault = "the field cannot be added";
			return false;
		}
	}
	return true;
}
