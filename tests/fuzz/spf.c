/* Records of SPF: whatever the DNS answers, there is a result after a bounded number of questions,
 * and the words for people are printable. Lines of the input are what the name servers answer, one
 * after the other, the last again and again; one that is empty is no name, "!" no answer. */
#include "fuzz.h"

#include "../../modules/common/spf.h"

#include <stdlib.h>

const struct gw_services *gw;

/* The first of each, ten terms, ten hosts of a term, ten names of an address, an explanation. */
#define QUESTIONS_MOST (1 + 10 + 10 * 10 + 11 + 1)

static void answer_line(struct spf *spf, struct gw_str line)
{
	struct gw_dns_answer answer = { .size = sizeof answer, .ttl = 1, .error = gw_str("none") };

	answer.status = line.len == 0                         ? GW_DNS_NO_NAME
			: line.len == 1 && line.ptr[0] == '!' ? GW_DNS_FAILED
							      : GW_DNS_FOUND;
	answer.records = (struct gw_list){ &line, answer.status == GW_DNS_FOUND };
	spf_answer(spf, &answer);
}

static void run(struct spf *spf, struct gw_str text)
{
	struct gw_dns_question question;
	struct gw_str line = gw_str("");
	unsigned asked = 0;
	const char *c;

	while (spf_question(spf, &question)) {
		must(++asked <= QUESTIONS_MOST && question.name.len <= GW_DOMAIN_MAX);
		if (text.len) {
			line = gw_str_n(text.ptr, gw_str_find(text, '\n'));
			text = gw_str_from(text, line.len < text.len ? line.len + 1 : line.len);
		}
		answer_line(spf, line);
	}
	must(spf_result(spf) < SPF_RESULTS);
	for (c = spf_explanation(spf); *c; c++)
		must(*c >= ' ' && *c <= '~');
	spf_destroy(spf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const addresses[] = { "192.0.2.7", "2001:db8::7" };
	struct gw_str text = gw_str_n((const char *)data, size), sender;
	size_t i;

	sender = gw_str_n(text.ptr, gw_str_find(text, '\n'));
	text = gw_str_from(text, sender.len < text.len ? sender.len + 1 : sender.len);
	for (i = 0; i < 2; i++)
		run(spf_check(gw_str(addresses[i]), gw_str("helo.example"), sender), text);
	run(spf_list(gw_str("example.com")), text);
	return 0;
}
