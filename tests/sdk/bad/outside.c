/* An option that would be written behind the struct of its values. */
#include <gateway/module.h>

static const struct gw_option options[] = { { "inside", GW_OPTION_BOOL, 0, "true", "Fits." },
					    { "beyond", GW_OPTION_STRING, 8, NULL,
					      "Does not fit." },
					    GW_OPTIONS_END };

GW_MODULE(.name = "outside", .version = "1.0", .summary = "writes where it should not",
	  .options = options, .conf_size = 16)
