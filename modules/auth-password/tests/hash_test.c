/* Password hashes: which are known, and what they match. */
#include "hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define YESCRYPT "$y$j9T$czoYeDinco0Q1t9.CQn3n/$gq8gMtXYzhs.vGvm77I3pEfqlHWlK3Z4n4Hxegvu8o2"
#define SHA512                                                                                     \
	"$6$8tdCJVDlhXu3zeAu$9/nY1uLvLUN1lkxlOOXufDXmBNqccBS2CHZtnvMXs.dWocj1pUgJpyl4U0.HibgcNhk5i4MPIeNkIhqwonGRf."
#define SHA256 "$5$F7Ux6uop/6bVYqZl$C31e7J5.jFSLxlsIUS0IkkqGZQPCwZMfyawI1dy6tYA"
#define BCRYPT "$2b$05$sUsYIXSK70VWihCc/l74LuNFIdOOsFdcox9Y4e4tLdEDbjhIORxAC"
#define ARGON2ID                                                                                   \
	"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$TnDEl2tJgYtaYZt0/5f59Jf56vkIG4EtQACv6SLO2cI"
#define ARGON2I "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$0OQeN6HwO0M2YrzAjTEiuvxg/1eyJQJGlBfVMF/YMdE"

static void each_scheme_matches_its_password_and_no_other(void **state)
{
	static const char *const rows[] = {
		YESCRYPT,
		"{CRYPT}" YESCRYPT,
		"{YESCRYPT}" YESCRYPT,
		SHA512,
		"{sha512-crypt}" SHA512,
		"{SHA256-CRYPT}" SHA256,
		BCRYPT,
		"{BLF-CRYPT}" BCRYPT,
		ARGON2ID,
		"{ARGON2ID}" ARGON2ID,
		"{ARGON2I}" ARGON2I,
		"{PLAIN}secret",
	};
	static const struct gw_str wrong[] = { GW_STR(""),         GW_STR("Secret"),
					       GW_STR("secret "),  GW_STR("secre"),
					       GW_STR("secret\0"), GW_STR("\0") };
	size_t i, j;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hash hash;
		const char *why = hash_parse(rows[i], &hash);

		if (why)
			fail_msg("%s: %s", rows[i], why);
		if (!hash_matches(&hash, gw_str("secret")))
			fail_msg("%s does not match", rows[i]);
		for (j = 0; j < sizeof wrong / sizeof *wrong; j++)
			if (hash_matches(&hash, wrong[j]))
				fail_msg("%s matches wrong password %zu", rows[i], j);
	}
}

static void a_password_as_long_as_can_be_does_no_harm(void **state)
{
	static char secret[70000];
	struct hash hash;

	memset(secret, 'x', sizeof secret - 1);
	assert_null(hash_parse(SHA256, &hash));
	assert_false(hash_matches(&hash, gw_str(secret)));
	assert_null(hash_parse(ARGON2ID, &hash));
	assert_false(hash_matches(&hash, gw_str(secret)));
}

static void what_cannot_be_used_is_named(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "", "no hash that crypt(3) makes" },
		{ "secret", "no hash that crypt(3) makes" },
		{ "{CRYPT}ab01FAX.bQRSU", "no hash that crypt(3) makes" },
		{ "$apr1$zzzzzzzz$0123456789012345678901", "does not know" },
		{ "{SHA512-CRYPT}$9$x$y", "does not know" },
		{ "{SSHA}abcdef", "an unknown scheme" },
		{ "{CRYPT", "no hash that crypt(3) makes" },
		{ "{ARGON2ID}" ARGON2I, "no Argon2 hash of that kind" },
		{ "{ARGON2ID}" SHA512, "no Argon2 hash of that kind" },
		{ "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$TnDEl2tJ", "more than 1 GiB" },
		{ "{PLAIN}", "an empty password" },
	};
	struct hash hash;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *why = hash_parse(rows[i].text, &hash);

		if (!why || !strstr(why, rows[i].part))
			fail_msg("%s: %s", rows[i].text, why ? why : "taken");
	}
}

static void a_cut_hash_is_refused(void **state)
{
	static const char *const whole[] = { YESCRYPT, SHA512, SHA256, BCRYPT, ARGON2ID, ARGON2I };
	char text[200];
	struct hash hash;
	size_t i, cut;

	for (i = 0; i < sizeof whole / sizeof *whole; i++) {
		for (cut = 1; cut < 5; cut++) {
			snprintf(text, sizeof text, "%.*s", (int)(strlen(whole[i]) - cut),
				 whole[i]);
			if (!hash_parse(text, &hash))
				fail_msg("%s is taken", text);
		}
		snprintf(text, sizeof text, "%s.", whole[i]);
		if (!hash_parse(text, &hash))
			fail_msg("%s is taken", text);
	}
	assert_non_null(hash_parse("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$", &hash));
	assert_non_null(hash_parse("$argon2id$v=19$m=64,t=1,p=1$*$*", &hash));
}

static void a_weak_hash_is_told(void **state)
{
	static const struct {
		const char *text;
		bool weak;
	} rows[] = {
		{ YESCRYPT, false },
		{ SHA512, false },
		{ "$6$rounds=1000$8tdCJVDlhXu3zeAu$9/nY1uLvLUN1lkxlOOXufDXmBNqccBS2CHZtnvMXs.dWocj1pUgJpyl4U0.HibgcNhk5i4MPIeNkIhqwonGRf.",
		  true },
		{ "$6$rounds=50000$8tdCJVDlhXu3zeAu$9/nY1uLvLUN1lkxlOOXufDXmBNqccBS2CHZtnvMXs.dWocj1pUgJpyl4U0.HibgcNhk5i4MPIeNkIhqwonGRf.",
		  false },
		{ BCRYPT, true },
		{ "$2b$10$sUsYIXSK70VWihCc/l74LuNFIdOOsFdcox9Y4e4tLdEDbjhIORxAC", false },
		{ "$1$abcdefgh$0123456789012345678901", true },
		{ ARGON2ID, true },
		{ "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$TnDEl2tJgYtaYZt0/5f59Jf56vkIG4EtQACv6SLO2cI",
		  false },
		{ "$argon2id$v=19$m=65536,t=1,p=4$c2FsdHNhbHQ$TnDEl2tJgYtaYZt0/5f59Jf56vkIG4EtQACv6SLO2cI",
		  false },
		{ "{PLAIN}x", true },
	};
	struct hash hash;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_null(hash_parse(rows[i].text, &hash));
		if (!hash_weakness(&hash) == rows[i].weak)
			fail_msg("%s", rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scheme_matches_its_password_and_no_other),
		cmocka_unit_test(a_password_as_long_as_can_be_does_no_harm),
		cmocka_unit_test(what_cannot_be_used_is_named),
		cmocka_unit_test(a_cut_hash_is_refused),
		cmocka_unit_test(a_weak_hash_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
