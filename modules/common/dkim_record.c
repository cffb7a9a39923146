#include "dkim_record.h"

struct gw_str dkim_record_tag(struct gw_str record, const char *name)
{
	while (record.len) {
		struct gw_str value = gw_str_cut(&record, ';'), tag = gw_str_cut(&value, '=');

		if (gw_str_eq(gw_str_trim(tag), gw_str(name)))
			return gw_str_trim(value);
	}
	return (struct gw_str){ NULL, 0 };
}

bool dkim_record_lists(struct gw_str list, const char *word)
{
	while (list.len)
		if (gw_str_ieq(gw_str_trim(gw_str_cut(&list, ':')), gw_str(word)))
			return true;
	return false;
}

static size_t behind_blanks(struct gw_str text, size_t at)
{
	while (at < text.len && gw_is_space(text.ptr[at]))
		at++;
	return at;
}

/* Blanks within base64 mean nothing. */
static bool same_base64(struct gw_str a, struct gw_str b)
{
	size_t i = behind_blanks(a, 0), j = behind_blanks(b, 0);

	while (i < a.len && j < b.len && a.ptr[i] == b.ptr[j]) {
		i = behind_blanks(a, i + 1);
		j = behind_blanks(b, j + 1);
	}
	return i >= a.len && j >= b.len;
}

static struct gw_str kind_of(struct gw_str record)
{
	struct gw_str kind = dkim_record_tag(record, "k");

	return kind.len ? kind : gw_str("rsa");
}

/* A tag that is missing, or says nothing, restricts nothing. */
static bool allows(struct gw_str record, const char *tag, const char *word)
{
	struct gw_str list = dkim_record_tag(record, tag);

	return list.len == 0 || dkim_record_lists(list, word);
}

static enum dkim_record judge(struct gw_str served, struct gw_str wanted)
{
	struct gw_str version = dkim_record_tag(served, "v"), key = dkim_record_tag(served, "p");

	if (version.len && !gw_str_eq(version, gw_str("DKIM1")))
		return DKIM_RECORD_FOREIGN;
	if (key.ptr && key.len == 0)
		return DKIM_RECORD_REVOKED;
	if (!key.ptr || !gw_str_ieq(kind_of(served), kind_of(wanted)) ||
	    !same_base64(key, dkim_record_tag(wanted, "p")))
		return DKIM_RECORD_OTHER;
	if (!allows(served, "h", "sha256"))
		return DKIM_RECORD_HASHES;
	return allows(served, "s", "email") || allows(served, "s", "*") ? DKIM_RECORD_SAME
									: DKIM_RECORD_SERVICE;
}

enum dkim_record dkim_record_judge(const struct gw_dns_answer *answer, struct gw_str wanted)
{
	if (answer->status != GW_DNS_FOUND || answer->records.count == 0)
		return DKIM_RECORD_NONE;
	if (answer->records.count > 1)
		return DKIM_RECORD_SEVERAL;
	return judge(answer->records.items[0], wanted);
}

const char *dkim_record_words(enum dkim_record record)
{
	static const char *const words[DKIM_RECORDS] = {
		[DKIM_RECORD_UNKNOWN] = "has no answer of the DNS yet",
		[DKIM_RECORD_SAME] = "is in the DNS",
		[DKIM_RECORD_NONE] = "is not in the DNS",
		[DKIM_RECORD_SEVERAL] = "has several records in the DNS, where one may be",
		[DKIM_RECORD_FOREIGN] = "is no key of DKIM in the DNS (v=)",
		[DKIM_RECORD_REVOKED] = "is revoked in the DNS (p= is empty)",
		[DKIM_RECORD_OTHER] = "is another key in the DNS than the one that signs",
		[DKIM_RECORD_HASHES] = "is for other hashes than SHA-256 (h=)",
		[DKIM_RECORD_SERVICE] = "is not for mail (s=)",
	};

	return words[record];
}
