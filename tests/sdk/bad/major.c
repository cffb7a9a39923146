/* Speaks the ABI that comes after this one. */
#include <gateway/module.h>

GW_PUBLIC const struct gw_module *gw_module_v2(const struct gw_services *services);
const struct gw_module *gw_module_v2(const struct gw_services *services)
{
	return NULL;
}
