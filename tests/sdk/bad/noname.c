/* Does not say who it is. */
#include <gateway/module.h>

GW_MODULE(.summary = "nameless")
