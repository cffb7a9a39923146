#include "report.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

/* --- the report --- */

#define ID_MOST 600

static void put_id(const struct report *report, const struct tlsrpt_conf *conf, char out[ID_MOST])
{
	snprintf(out, ID_MOST, "%" PRId64 ".%.*s@%.*s", report->begin / 1000,
		 GW_STR_ARGS(report->domain), GW_STR_ARGS(conf_submitter(conf)));
}

static struct gw_json *write_report(const struct report *report, const struct tlsrpt_conf *conf,
				    const struct tally *tally)
{
	struct gw_json *json = gw->json_create();
	char id[ID_MOST];

	put_id(report, conf, id);
	gw->json_begin(json, NULL, GW_JSON_OBJECT);
	gw->json_string(json, "organization-name",
			conf->organization.len ? conf->organization : conf_submitter(conf));
	gw->json_begin(json, "date-range", GW_JSON_OBJECT);
	gw->json_time(json, "start-datetime", report->begin);
	gw->json_time(json, "end-datetime", report->end);
	gw->json_end(json);
	gw->json_string(json, "contact-info", conf->contact.len ? conf->contact : conf->from);
	gw->json_string(json, "report-id", gw_str(id));
	tally_write(tally, json);
	return json;
}

#define GZIP 16 /* behind MAX_WBITS: zlib writes that */

static bool pack(struct report *report, struct gw_str text)
{
	z_stream stream = { 0 };
	bool done;

	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + GZIP, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	report->size = deflateBound(&stream, text.len);
	report->packed = malloc(report->size);
	stream.next_in = (unsigned char *)text.ptr;
	stream.avail_in = (unsigned)text.len;
	stream.next_out = (unsigned char *)report->packed;
	stream.avail_out = (unsigned)report->size;
	done = report->packed && deflate(&stream, Z_FINISH) == Z_STREAM_END;
	report->size = stream.total_out;
	deflateEnd(&stream);
	return done;
}

bool report_make(struct report *report, const struct tlsrpt_conf *conf, const struct tally *tally)
{
	struct gw_json *json = write_report(report, conf, tally);
	struct gw_str text = gw->json_text(json);
	bool made = text.ptr && pack(report, text);

	gw->json_destroy(json);
	return made;
}

void report_finish(struct report *report)
{
	free(report->packed);
	report->packed = NULL;
}

/* --- the mail --- */

#define BASE64_LINE 57 /* octets that make one of 76 */

static void put_header(struct gw_call *call, FILE *out, const struct report *report,
		       const struct record *record)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	time_t now = (time_t)(gw->now(call) / 1000);
	char id[ID_MOST], date[64] = "";
	struct tm tm;
	size_t i;

	put_id(report, conf, id);
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	fprintf(out,
		"Date: %s\r\nMessage-ID: <tlsrpt.%" PRId64 ".%s>\r\nFrom: <%.*s>\r\nTo: ", date,
		gw->now(call), id, GW_STR_ARGS(conf->from));
	for (i = 0; i < record->mails; i++)
		fprintf(out, "%s<%s>", i ? ",\r\n " : "", record->mail[i]);
	fprintf(out, "\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%s>\r\n",
		GW_STR_ARGS(report->domain), GW_STR_ARGS(conf_submitter(conf)), id);
	fprintf(out, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n",
		GW_STR_ARGS(report->domain), GW_STR_ARGS(conf_submitter(conf)));
	fprintf(out,
		"TLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"=_tlsrpt\"\r\n\r\n");
}

static void put_base64(FILE *out, const char *octets, size_t len)
{
	unsigned char line[BASE64_LINE / 3 * 4 + 1];
	size_t at, count;

	for (at = 0; at < len; at += count) {
		count = len - at < BASE64_LINE ? len - at : BASE64_LINE;
		EVP_EncodeBlock(line, (const unsigned char *)octets + at, (int)count);
		fprintf(out, "%s\r\n", (const char *)line);
	}
}

static void put_body(struct gw_call *call, FILE *out, const struct report *report)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	struct gw_str submitter = conf_submitter(conf);
	char name[ID_MOST];

	snprintf(name, sizeof name, "%.*s!%.*s!%" PRId64 "!%" PRId64 "!001.json.gz",
		 GW_STR_ARGS(submitter), GW_STR_ARGS(report->domain), report->begin / 1000,
		 report->end / 1000);
	fprintf(out,
		"--=_tlsrpt\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
		"This is an aggregate report about TLS on connections to the mail hosts of\r\n"
		"%.*s, as its TXT record at _smtp._tls asks for (RFC 8460).\r\n\r\n",
		GW_STR_ARGS(report->domain));
	fprintf(out,
		"--=_tlsrpt\r\nContent-Type: application/tlsrpt+gzip\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment;\r\n filename=\"%s\"\r\n\r\n",
		name);
	put_base64(out, report->packed, report->size);
	fprintf(out, "--=_tlsrpt--\r\n");
}

static bool submit(struct gw_call *call, const struct record *record, const char *bytes, size_t len)
{
	const struct tlsrpt_conf *conf = gw->conf(call);
	struct gw_str rcpts[RECORD_URIS];
	struct gw_submission submission = { .size = sizeof submission,
					    .sender = conf->from,
					    .rcpts = { rcpts, record->mails },
					    .bytes = gw_str_n(bytes, len) };
	size_t i;

	for (i = 0; i < record->mails; i++)
		rcpts[i] = gw_str(record->mail[i]);
	return gw->submit(call, &submission) == 0;
}

bool report_mail(struct gw_call *call, const struct report *report, const struct record *record)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	bool done;

	if (!out)
		return false;
	put_header(call, out, report, record);
	put_body(call, out, report);
	done = fclose(out) == 0 && submit(call, record, bytes, len);
	free(bytes);
	return done;
}
