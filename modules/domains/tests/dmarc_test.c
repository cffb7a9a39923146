/* dmarc_test.c - DMARC as RFC 9989 has it, over records that are a table. */
#include "dmarc.h"

#include <gateway/testkit.h>

#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

struct row {
	const char *domain, *record; /* "!": no answer */
};

struct zone {
	const struct row *rows;
	size_t count, asked;
};

static enum dmarc_answer record_of(void *arg, struct gw_str domain, struct dmarc_record *record)
{
	struct zone *zone = arg;
	size_t i;

	zone->asked++;
	for (i = 0; i < zone->count; i++)
		if (gw_str_ieq(domain, gw_str(zone->rows[i].domain)))
			return zone->rows[i].record[0] == '!'                     ? DMARC_UNKNOWN
			       : dmarc_read(gw_str(zone->rows[i].record), record) ? DMARC_FOUND
										  : DMARC_ABSENT;
	return DMARC_ABSENT;
}

static const struct row rows[] = {
	{ "example.com", "v=DMARC1; p=reject; sp=quarantine; np=none" },
	{ "own.example.com", "v=DMARC1; p=none" },
	{ "apart.example.com", "v=DMARC1; p=quarantine; psd=n" },
	{ "plain.test", "v=DMARC1; p=quarantine" },
	{ "bank", "v=DMARC1; p=reject; np=reject; sp=none; psd=y" },
	{ "shop.bank", "v=DMARC1; p=reject" },
	{ "co.example", "v=DMARC1; psd=y; p=none; np=reject" },
	{ "lost.test", "!" },
	{ "deep.test", "v=DMARC1; p=reject" },
};

static struct dmarc_walk walk_of(const char *domain, size_t *asked)
{
	struct zone zone = { rows, sizeof rows / sizeof *rows, 0 };
	const struct dmarc_source source = { record_of, &zone };
	struct dmarc_walk walk;

	dmarc_walk(gw_str(domain), &source, &walk);
	if (asked)
		*asked = zone.asked;
	return walk;
}

static void records_are_read_as_the_rfc_has_them(void **state)
{
	static const struct {
		const char *text;
		bool is_record;
		enum dmarc_policy p, sp, np;
		bool testing, strict_dkim, strict_spf, is_obsolete, is_flawed;
	} cases[] = {
		{ "v=DMARC1; p=reject", true, DMARC_REJECT, DMARC_REJECT, DMARC_REJECT },
		{ "v=DMARC1;p=REJECT;sp=None;", true, DMARC_REJECT, DMARC_POLICY_NONE,
		  DMARC_POLICY_NONE },
		{ " v = DMARC1 ; p = quarantine ; np=reject", true, DMARC_QUARANTINE,
		  DMARC_QUARANTINE, DMARC_REJECT },
		{ "v=DMARC1; p=reject; t=y", true, DMARC_REJECT, DMARC_REJECT, DMARC_REJECT, true },
		{ "v=DMARC1; adkim=s; aspf=s; p=none", true, DMARC_POLICY_NONE, DMARC_POLICY_NONE,
		  DMARC_POLICY_NONE, false, true, true },
		{ "v=DMARC1; p=reject; pct=10", true, DMARC_REJECT, DMARC_REJECT, DMARC_REJECT,
		  false, false, false, true },
		{ "v=DMARC1", true, DMARC_POLICY_NONE, DMARC_POLICY_NONE, DMARC_POLICY_NONE, false,
		  false, false, false, true },
		{ "v=DMARC1; p=maybe", true, DMARC_POLICY_NONE, DMARC_POLICY_NONE,
		  DMARC_POLICY_NONE, false, false, false, false, true },
		{ "v=DMARC1; p=reject; later=on; =; x", true, DMARC_REJECT, DMARC_REJECT,
		  DMARC_REJECT },
		{ "v=dmarc1; p=reject", false },
		{ "p=reject; v=DMARC1", false },
		{ "v=DMARC10; p=reject", false },
		{ "", false },
	};
	struct dmarc_record record;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(dmarc_read(gw_str(cases[i].text), &record), cases[i].is_record);
		if (!cases[i].is_record)
			continue;
		assert_int_equal(record.policy, cases[i].p);
		assert_int_equal(record.subdomains, cases[i].sp);
		assert_int_equal(record.nonexistent, cases[i].np);
		assert_int_equal(record.testing, cases[i].testing);
		assert_int_equal(record.strict_dkim, cases[i].strict_dkim);
		assert_int_equal(record.strict_spf, cases[i].strict_spf);
		assert_int_equal(record.is_obsolete, cases[i].is_obsolete);
		assert_int_equal(record.flaw != NULL, cases[i].is_flawed);
	}
}

static void a_walk_finds_the_organisation(void **state)
{
	static const struct {
		const char *domain, *organisation;
	} cases[] = {
		{ "example.com", "example.com" },
		{ "news.example.com", "example.com" },
		{ "own.example.com", "example.com" },
		{ "a.apart.example.com", "apart.example.com" }, /* psd=n: whose domain it is */
		{ "apart.example.com", "apart.example.com" },
		{ "nobody.invalid", "nobody.invalid" }, /* no record: itself */
		{ "x.branch.bank", "branch.bank" },     /* one below psd=y */
		{ "x.shop.bank", "shop.bank" },
		{ "bank", "bank" },
		{ "mail.firm.co.example", "firm.co.example" },
		{ "a.b.c.d.e.f.g.h.firm.co.example", "firm.co.example" },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dmarc_walk walk = walk_of(cases[i].domain, NULL);

		assert_true(walk.is_known);
		assert_true(gw_str_eq(walk.organisation, gw_str(cases[i].organisation)));
	}
}

static void a_walk_asks_eight_times_at_most(void **state)
{
	struct gw_str names[DMARC_QUERIES];
	size_t asked;

	walk_of("a.b.c.d.e.f.g.h.i.j.deep.test", &asked);
	assert_int_equal(asked, 8);
	assert_int_equal(dmarc_walk_names(gw_str("a.b.c.d.e.f.g.h.i.j.deep.test"), names), 8);
	assert_true(gw_str_eq(names[0], gw_str("a.b.c.d.e.f.g.h.i.j.deep.test")));
	assert_true(gw_str_eq(names[1], gw_str("f.g.h.i.j.deep.test")));
	assert_true(gw_str_eq(names[7], gw_str("test")));
	assert_int_equal(dmarc_walk_names(gw_str("a.b.c.d.e.f.deep.test"), names), 8);
	assert_true(gw_str_eq(names[1], gw_str("b.c.d.e.f.deep.test")));
	assert_int_equal(dmarc_walk_names(gw_str("example.com"), names), 2);
	walk_of("a.apart.example.com", &asked);
	assert_int_equal(asked, 2); /* psd=n ends it */
}

static void the_policy_is_of_the_domain_or_of_who_is_above(void **state)
{
	static const struct {
		const char *domain;
		bool exists;
		enum dmarc_policy policy;
	} cases[] = {
		{ "example.com", true, DMARC_REJECT },
		{ "news.example.com", true, DMARC_QUARANTINE },   /* sp */
		{ "news.example.com", false, DMARC_POLICY_NONE }, /* np */
		{ "own.example.com", true, DMARC_POLICY_NONE },
		{ "own.example.com", false, DMARC_POLICY_NONE },
		{ "branch.bank", true, DMARC_POLICY_NONE }, /* of the suffix: sp */
		{ "branch.bank", false, DMARC_REJECT },     /* np */
		{ "x.plain.test", false, DMARC_QUARANTINE },
		{ "nobody.invalid", true, DMARC_NO_POLICY },
	};
	const struct dmarc_record *record;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dmarc_walk walk = walk_of(cases[i].domain, NULL);

		assert_int_equal(dmarc_policy(&walk, cases[i].exists, &record), cases[i].policy);
		assert_int_equal(record == NULL, cases[i].policy == DMARC_NO_POLICY);
	}
}

static void alignment_is_of_organisations_or_of_names(void **state)
{
	static const struct {
		const char *from, *other;
		bool relaxed, strict;
	} cases[] = {
		{ "example.com", "example.com", true, true },
		{ "example.com", "Example.COM", true, true },
		{ "example.com", "bounce.example.com", true, false },
		{ "news.example.com", "bounce.example.com", true, false },
		{ "example.com", "apart.example.com", false, false },
		{ "branch.bank", "shop.bank", false, false },
		{ "example.com", "plain.test", false, false },
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct gw_str from = gw_str(cases[i].from), other = gw_str(cases[i].other);
		struct dmarc_walk a = walk_of(from.ptr, NULL), b = walk_of(other.ptr, NULL);

		assert_int_equal(dmarc_aligned(&a, from, &b, other, false), cases[i].relaxed);
		assert_int_equal(dmarc_aligned(&a, from, &b, other, true), cases[i].strict);
	}
}

static void what_is_not_known_is_not_guessed(void **state)
{
	struct dmarc_walk walk = walk_of("x.lost.test", NULL);

	assert_false(walk.is_known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_the_rfc_has_them),
		cmocka_unit_test(a_walk_finds_the_organisation),
		cmocka_unit_test(a_walk_asks_eight_times_at_most),
		cmocka_unit_test(the_policy_is_of_the_domain_or_of_who_is_above),
		cmocka_unit_test(alignment_is_of_organisations_or_of_names),
		cmocka_unit_test(what_is_not_known_is_not_guessed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
