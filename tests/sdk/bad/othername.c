/* The file and the table do not agree on the name. */
#include <gateway/module.h>

GW_MODULE(.name = "somebody", .version = "1.0", .summary = "in the wrong file")
