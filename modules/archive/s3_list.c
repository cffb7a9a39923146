#include "s3_list.h"

#include "s3_sign.h"
#include "s3_xml.h"

#include <stdio.h>
#include <string.h>

#define PAGES_MOST 20000 /* of a thousand objects each */

/* --- lists --- */

struct listing {
	const struct s3_target *target;
	void (*each)(void *arg, const struct s3_object *object);
	void *arg;
	char *key, *etag, *next, *version;
	bool latest;
	bool is_list, truncated; /* the answer is one; and says that there is more */
	uint64_t size;
	const char *wanted; /* of versions: the key */
	GPtrArray *versions;
};

static void set(char **text, const char *value)
{
	g_free(*text);
	*text = g_strdup(value);
}

static void clear(struct listing *listing)
{
	g_clear_pointer(&listing->key, g_free);
	g_clear_pointer(&listing->etag, g_free);
	g_clear_pointer(&listing->next, g_free);
	g_clear_pointer(&listing->version, g_free);
}

/* Whatever else is well-formed, as the page of a proxy, says nothing of what there is. */
static void on_any(struct listing *listing, const char *parent, const char *name, const char *text)
{
	if (!*parent)
		listing->is_list = g_str_has_prefix(name, "List") &&
				   g_str_has_suffix(name, "Result");
	else if (text && strcmp(name, "IsTruncated") == 0)
		listing->truncated = strcmp(text, "true") == 0;
}

/* False: the answer is no list. */
static bool read_list(struct listing *listing, s3_element *element, struct s3_answer *answer)
{
	listing->is_list = listing->truncated = false;
	if (answer->body &&
	    s3_xml_read(g_bytes_get_data(answer->body, NULL), g_bytes_get_size(answer->body),
			element, listing) &&
	    listing->is_list)
		return true;
	snprintf(answer->why, sizeof answer->why, "its list of objects is none");
	return false;
}

static void on_object(void *arg, const char *parent, const char *name, const char *text)
{
	struct listing *listing = arg;
	const char *prefix = s3_prefix(listing->target);

	on_any(listing, parent, name, text);
	if (text && strcmp(name, "NextContinuationToken") == 0)
		set(&listing->next, text);
	else if (text && strcmp(parent, "Contents") == 0 && strcmp(name, "Key") == 0)
		set(&listing->key, text);
	else if (text && strcmp(parent, "Contents") == 0 && strcmp(name, "ETag") == 0)
		set(&listing->etag, text);
	else if (text && strcmp(parent, "Contents") == 0 && strcmp(name, "Size") == 0)
		listing->size = g_ascii_strtoull(text, NULL, 10);
	else if (!text && strcmp(name, "Contents") == 0 && listing->key &&
		 g_str_has_prefix(listing->key, prefix)) {
		if (listing->etag)
			s3_unquote(listing->etag);
		listing->each(listing->arg, &(struct s3_object){ listing->key + strlen(prefix),
								 listing->etag ? listing->etag : "",
								 listing->size });
		g_clear_pointer(&listing->etag, g_free);
	}
}

static bool list_page(struct s3_target *target, struct listing *listing, const char *begin,
		      struct s3_answer *answer)
{
	char *plain = g_strconcat(s3_prefix(target), begin, NULL);
	char *prefix = s3_encode(plain, false), *token = NULL, *query;
	bool good;

	if (listing->next)
		token = s3_encode(listing->next, false);
	query = g_strconcat(token ? "continuation-token=" : "", token ? token : "",
			    token ? "&" : "", "list-type=2&prefix=", prefix, NULL);
	g_clear_pointer(&listing->next, g_free);
	good = s3_ask(target,
		      &(struct s3_request){ "GET", NULL, query, NULL, .answer_max = 4 << 20 },
		      answer);
	good = good && read_list(listing, on_object, answer);
	if (good && listing->truncated && !listing->next) {
		snprintf(answer->why, sizeof answer->why, "its list of objects does not go on");
		good = false;
	}
	g_free(plain);
	g_free(prefix);
	g_free(token);
	g_free(query);
	return good;
}

bool s3_list(struct s3_target *target, const char *begin,
	     void (*each)(void *arg, const struct s3_object *object), void *arg,
	     struct s3_answer *answer)
{
	struct listing listing = { .target = target, .each = each, .arg = arg };
	unsigned pages = 0;
	bool good;

	*answer = (struct s3_answer){ .status = 0 };
	do {
		s3_answer_finish(answer);
		good = list_page(target, &listing, begin, answer);
	} while (good && listing.next && ++pages < PAGES_MOST);
	if (good && listing.next) {
		snprintf(answer->why, sizeof answer->why, "its list of objects does not end");
		good = false;
	}
	clear(&listing);
	return good;
}

/* --- versions --- */

static void on_version(void *arg, const char *parent, const char *name, const char *text)
{
	struct listing *listing = arg;
	bool is = strcmp(parent, "Version") == 0 || strcmp(parent, "DeleteMarker") == 0;

	on_any(listing, parent, name, text);
	if (text && is && strcmp(name, "Key") == 0)
		set(&listing->key, text);
	else if (text && is && strcmp(name, "VersionId") == 0)
		set(&listing->version, text);
	else if (text && is && strcmp(name, "IsLatest") == 0)
		listing->latest = strcmp(text, "true") == 0;
	else if (!text && (strcmp(name, "Version") == 0 || strcmp(name, "DeleteMarker") == 0)) {
		if (listing->key && listing->version && !listing->latest &&
		    strcmp(listing->key, listing->wanted) == 0)
			g_ptr_array_add(listing->versions, g_strdup(listing->version));
		listing->latest = false;
	}
}

/* Whoever cannot list versions has none; who may not, or not now, is told. */
static bool has_no_versions(const struct s3_answer *answer)
{
	if (answer->status == 405 || answer->status == 501)
		return true;
	return (answer->status == 400 || answer->status == 404) && answer->code[0] &&
	       !s3_credentials_are_over(answer->code) &&
	       strcmp(answer->code, "RequestTimeout") != 0 &&
	       strcmp(answer->code, "NoSuchBucket") != 0;
}

static bool read_versions(struct s3_target *target, struct listing *listing,
			  struct s3_answer *answer)
{
	char *prefix = s3_encode(listing->wanted, false);
	char *query = g_strconcat("prefix=", prefix, "&versions=", NULL);
	bool good = s3_ask(target,
			   &(struct s3_request){ "GET", NULL, query, NULL, .answer_max = 4 << 20 },
			   answer);

	g_ptr_array_set_size(listing->versions, 0);
	listing->truncated = false;
	good = good ? read_list(listing, on_version, answer) : has_no_versions(answer);
	g_free(prefix);
	g_free(query);
	return good;
}

static bool drop(struct s3_target *target, const char *key, const char *version,
		 struct s3_answer *answer)
{
	char *id = version ? s3_encode(version, false) : NULL;
	char *query = id ? g_strconcat("versionId=", id, NULL) : NULL;
	bool good;

	s3_answer_finish(answer);
	good = s3_ask(target, &(struct s3_request){ "DELETE", key, query, NULL }, answer) ||
	       s3_answer_is_none(answer);
	g_free(id);
	g_free(query);
	return good;
}

static bool drop_versions(struct s3_target *target, const char *key, struct listing *listing,
			  struct s3_answer *answer)
{
	bool good;
	guint i;

	s3_answer_finish(answer);
	good = read_versions(target, listing, answer);
	for (i = 0; good && i < listing->versions->len; i++)
		good = drop(target, key, listing->versions->pdata[i], answer);
	return good;
}

bool s3_purge(struct s3_target *target, const char *key, bool all, struct s3_answer *answer)
{
	char *whole = g_strconcat(s3_prefix(target), key, NULL);
	struct listing listing = { .target = target,
				   .wanted = whole,
				   .versions = g_ptr_array_new_with_free_func(g_free) };
	unsigned page;
	bool good = true;

	*answer = (struct s3_answer){ .status = 0 };
	if (all)
		good = drop(target, key, NULL, answer);
	for (page = 0; good && page < PAGES_MOST; page++) {
		good = drop_versions(target, key, &listing, answer);
		if (!listing.truncated || !listing.versions->len)
			break;
	}
	g_ptr_array_unref(listing.versions);
	clear(&listing);
	g_free(whole);
	return good;
}
