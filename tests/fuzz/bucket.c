/* What a bucket says, which nobody here wrote: lists of objects and versions, errors, objects of
 * keys; and the stub, which is as long as a disk left it. */
#include "modules/archive/s3_list.h"
#include "modules/archive/s3_part.h"
#include "modules/archive/stub.h"
#include "folder.h"

#include <gateway/module.h>

#define NAME "2026-11-28.0"

const struct gw_services *gw;

/* Answers with what it has, piece by piece: the first octet of each says how long it is. */
struct saying {
	struct gw_str input;
	unsigned asked;
	int status;
};

static void ask(void *arg, const struct s3_http *http, struct s3_answer *answer)
{
	struct saying *saying = arg;
	size_t len = take_byte(&saying->input) * 16;

	must(strchr(http->url, ' ') == NULL && strchr(http->url, '\n') == NULL);
	must(saying->asked++ < 2000);
	len = len < saying->input.len ? len : saying->input.len;
	answer->status = saying->status;
	answer->body = g_bytes_new(saying->input.ptr, len);
	snprintf(answer->date, sizeof answer->date, "%.*s", (int)(len < 39 ? len : 39),
		 saying->input.ptr);
	saying->input = gw_str_from(saying->input, len);
}

static int64_t now(void *arg)
{
	(void)arg;
	return INT64_C(1795867200000);
}

static void take_object(void *arg, const struct s3_object *object)
{
	static const char *const kinds[] = { "data", "keys" };
	struct s3_span span;
	char again[S3_KEY];
	size_t i;

	++*(unsigned *)arg;
	for (i = 0; i < 2; i++)
		if (s3_key_read(object->key, kinds[i], &span)) {
			s3_key_write(again, kinds[i], &span);
			must(strcmp(again, object->key) == 0 && span.from < span.end);
			must(!strchr(span.name, '/') && strlen(span.name) < SEGMENT_NAME);
		}
}

static void check_answers(struct gw_str input, int status, bool versions)
{
	struct saying saying = { .input = input, .status = status };
	struct s3_transport transport = { ask, now, &saying };
	const struct s3_conf conf = { .endpoint = gw_str("https://s3.test"),
				      .region = gw_str("r"),
				      .bucket = gw_str("bucket"),
				      .prefix = gw_str("gw/"),
				      .access_key = gw_str("a"),
				      .secret_key = gw_str("s"),
				      .style = S3_STYLE_PATH };
	struct s3_target target;
	struct s3_answer answer;
	unsigned objects = 0;

	s3_target_init(&target, &conf, &transport);
	if (versions)
		s3_purge(&target, "keys/" NAME "/1-2", false, &answer);
	else
		s3_list(&target, "data/", take_object, &objects, &answer);
	must(objects <= input.len);
	s3_answer_finish(&answer);
	s3_target_finish(&target);
}

/* --- keys --- */

static bool take_slot(void *arg, uint64_t at, const unsigned char *slot)
{
	const struct gw_str *input = arg;

	(void)at;
	must_lie_in(gw_str_n((const char *)slot, SLOT_SIZE), *input);
	return true;
}

/* --- a stub --- */

static void check_stub(struct gw_str input)
{
	char month[512];
	struct heads heads;
	struct record record;
	struct stub_span span;
	unsigned count = 0;

	snprintf(month, sizeof month, "%s/2026-11", folder_path());
	mkdir(month, 0700);
	folder_write("2026-11/" NAME ".gws", input.ptr, input.len);
	if (heads_open(&heads, folder_path(), NAME, false)) {
		must(heads.is_stub);
		while (heads_next(&heads, &record)) {
			must(heads.next > heads.at && heads.next <= heads.size);
			must(count++ <= input.len);
			stub_span(&heads.stub, heads.at, &span);
		}
		heads_seek(&heads, 100);
		heads_next(&heads, &record);
	}
	heads_close(&heads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gw_services none;
	static const int statuses[] = { 200, 403, 404, 503 };
	struct gw_str input = gw_str_n(data, size);
	unsigned choice = take_byte(&input);

	gw = &none;
	switch (choice % 4) {
	case 0:
		check_answers(input, statuses[choice / 4 % 4], false);
		break;
	case 1:
		check_answers(input, statuses[choice / 4 % 4], true);
		break;
	case 2:
		s3_slots_each(input.ptr, input.len, take_slot, &input);
		break;
	default:
		check_stub(input);
	}
	return 0;
}
