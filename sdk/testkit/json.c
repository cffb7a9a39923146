/* json.c - JSON as the gateway itself writes and reads it: what gatewayctl and listeners are told.
 */
#include "kit.h"

#include "base/json_reader.h"
#include "base/json_writer.h"

#include <stdio.h>
#include <stdlib.h>

bool json_is_one_object(struct gw_str text)
{
	struct gw_json_value *value = json_reader_read(text, NULL, 0);
	bool good = json_reader_kind(value) == GW_JSON_OBJECT;

	json_reader_free(value);
	return good;
}

struct gw_str kit_json_text(struct gw_json *json)
{
	struct gw_str text = json_writer_text(json);

	if (json_writer_misused(json)) {
		fprintf(stderr, "testkit: the module writes no JSON: %s\n",
			json_writer_fault(json));
		abort();
	}
	return text;
}
