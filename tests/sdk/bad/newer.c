/* Needs members that this gateway does not have. */
#define GW_ABI_NEED 7
#include <gateway/module.h>

GW_MODULE(.name = "newer", .version = "1.4", .summary = "from the future")
