/* spf_suite_test.c - the open test suite of SPF through the resolver: each group's zone is the root
 * of a real name server, and every question goes over the wire. */
#include "knot.h"

#include "../../../modules/domains/tests/suite.h"
#include "loop/dns_records.h"

#include <ctype.h>

struct fixture {
	struct knot knot;
	struct worker *worker;
	struct dns *dns;
	struct spf *spf;
	bool told;
};

/* --- a group as a zone --- */

/* Whatever is in it: "\DDD", and what may stand as it is. */
static void put_octets(FILE *out, struct gw_str text, bool is_name)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (isalnum(c) || c == '-' || c == '_' || (is_name && c == '.'))
			fputc(c, out);
		else
			fprintf(out, "\\%03u", c);
	}
}

static void put_name(FILE *out, struct gw_str name)
{
	name.len -= name.len && name.ptr[name.len - 1] == '.';
	put_octets(out, name, true);
	fputc('.', out);
}

static void put_text(FILE *out, struct gw_str text)
{
	size_t at, len;

	for (at = 0; at == 0 || at < text.len; at += 255) {
		len = text.len - at < 255 ? text.len - at : 255;
		fputs(" \"", out);
		put_octets(out, gw_str_n(text.ptr + at, len), false);
		fputc('"', out);
	}
}

static bool has_below(const struct suite *suite, struct gw_str name)
{
	size_t i;

	for (i = 0; i < suite->record_count; i++) {
		struct gw_str other = suite->records[i].name;

		if (other.len > name.len && other.ptr[other.len - name.len - 1] == '.' &&
		    gw_str_ieq(gw_str_from(other, other.len - name.len), name))
			return true;
	}
	return false;
}

/* A name that does not answer is handed to a server that is not there; one that has others below it
 * is left out. */
static void put_record(FILE *out, const struct suite *suite, const struct suite_record *record)
{
	struct gw_str data = suite_data(record);

	if (gw_str_eq(record->type, gw_str("TIMEOUT"))) {
		if (has_below(suite, record->name))
			return;
		put_name(out, record->name);
		fputs(" NS nowhere.lost.\n", out);
		return;
	}
	put_name(out, record->name);
	fprintf(out, " %.*s ", GW_STR_ARGS(record->type));
	if (gw_str_eq(record->type, gw_str("TXT")))
		put_text(out, data);
	else if (gw_str_eq(record->type, gw_str("MX")))
		fprintf(out, "%d ", atoi(record->data.ptr));
	if (gw_str_eq(record->type, gw_str("MX")) || gw_str_eq(record->type, gw_str("PTR")) ||
	    gw_str_eq(record->type, gw_str("CNAME")))
		put_name(out, data);
	else if (!gw_str_eq(record->type, gw_str("TXT")))
		fprintf(out, "%.*s", GW_STR_ARGS(data));
	fputc('\n', out);
}

static char *zone_of(const struct suite *suite)
{
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputs("$TTL 300\n. SOA ns. h. 1 3600 600 86400 300\n. NS ns.\nns. A 127.0.0.1\n", out);
	for (i = 0; i < suite->record_count; i++)
		put_record(out, suite, &suite->records[i]);
	fclose(out);
	return text;
}

static void begin_group(struct fixture *f, const struct suite *suite)
{
	char *zone = zone_of(suite);

	knot_prepare(&f->knot);
	knot_write(&f->knot, "root.zone", zone);
	free(zone);
	knot_start(&f->knot, "zone:\n  - domain: .\n    file: root.zone\n");
	knot_await(&f->knot, ".");
	f->worker = worker_create(0);
	f->dns = knot_dns(f->worker, f->knot.server, (struct dns_options){ .local = true });
}

static void end_group(struct fixture *f)
{
	if (!f->worker)
		return;
	dns_destroy(f->dns);
	worker_destroy(f->worker);
	knot_stop(&f->knot);
	f->worker = NULL;
}

/* --- a test --- */

static void ended(const struct gw_dns_answer *answer, void *arg)
{
	struct fixture *f = arg;

	spf_answer(f->spf, answer);
	f->told = true;
}

static bool has_told(void *arg)
{
	const struct fixture *f = arg;

	return f->told;
}

static void run_spf(struct fixture *f)
{
	struct gw_dns_question question;
	unsigned asked = 0;

	while (spf_question(f->spf, &question)) {
		question.deadline_ms = 3000;
		f->told = false;
		assert_true(asked++ < 130);
		assert_null(dns_records_wrong(&question));
		assert_non_null(dns_records_ask(f->dns, &question, ended, f));
		assert_true(run_until(f->worker, has_told, f));
	}
}

static bool holds(struct fixture *f, const struct suite *suite)
{
	const struct suite_test *test = &suite->test;
	bool good;

	f->spf = spf_check(test->host, test->helo, test->from);
	assert_non_null(f->spf);
	run_spf(f);
	good = suite_holds(suite, f->spf);
	spf_destroy(f->spf);
	return good;
}

static void every_group_holds_over_the_wire(void **state)
{
	static struct suite suite;
	static struct fixture f;
	const char *group = NULL;
	unsigned tests = 0, failed = 0;

	assert_true(suite_open(&suite, SUITE_FILE));
	while (suite_next(&suite)) {
		if (group != suite.group.ptr) {
			end_group(&f);
			begin_group(&f, &suite);
			group = suite.group.ptr;
		}
		tests++;
		failed += !holds(&f, &suite);
	}
	end_group(&f);
	free(suite.text);
	assert_int_equal(failed, 0);
	assert_true(tests > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_group_holds_over_the_wire),
	};

	if (!knot_is_there())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
